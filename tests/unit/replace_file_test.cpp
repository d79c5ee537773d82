// SPDX-License-Identifier: MIT
#include "base/replace_file.h"
#include "unit/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>

namespace scanthru {
namespace {

class ReplaceFile : public ::testing::Test {
protected:
    static std::string text_of(const std::string& path) {
        std::ifstream file{path};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    std::ptrdiff_t entries() const {
        return std::distance(std::filesystem::directory_iterator{directory / ""}, {});
    }

    testing::TemporaryDirectory directory;
};

TEST_F(ReplaceFile, EverybodyMayReadWhatIsNew) {
    const std::string path = directory / "a.prom";
    const mode_t before = ::umask(0077);
    EXPECT_TRUE(replace_file(path, "one"));
    ::umask(before);
    EXPECT_EQ(text_of(path), "one");
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0644U);
}

TEST_F(ReplaceFile, AReaderOfTheOldOneKeepsIt) {
    const std::string path = directory / "a.prom";
    const std::string old(100'000, 'o');
    ASSERT_TRUE(replace_file(path, old));
    std::ifstream reader{path};
    ASSERT_EQ(reader.get(), 'o');
    ASSERT_TRUE(replace_file(path, "new"));
    EXPECT_EQ(std::distance(std::istreambuf_iterator<char>{reader}, {}), 99'999);
    EXPECT_EQ(text_of(path), "new");
    EXPECT_EQ(entries(), 1);
}

TEST_F(ReplaceFile, LeavesNothingWhereItCannot) {
    const auto missing = replace_file(directory / "folder/a.prom", "text");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ENOENT);
    std::filesystem::create_directory(directory / "a.prom");
    EXPECT_FALSE(replace_file(directory / "a.prom", "text"));
    EXPECT_EQ(entries(), 1) << "no draft";
}

}  // namespace
}  // namespace scanthru
