// SPDX-License-Identifier: MIT
#include "base/qmp_message.h"

#include <gtest/gtest.h>

namespace scanthru {
namespace {

TEST(QmpMessage, AGreetingIsKnownByItsKey) {
    const auto message = parse_qmp_message(R"({"QMP": {"version": {}, "capabilities": []}})");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, QmpMessage::Kind::greeting);
}

TEST(QmpMessage, AResultCarriesItsValueAndId) {
    const auto message = parse_qmp_message(R"({"return": {"a": 1}, "id": 18446744073709551615})");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, QmpMessage::Kind::result);
    EXPECT_EQ(message->value, (nlohmann::json{{"a", 1}}));
    EXPECT_EQ(message->id, UINT64_MAX);
}

struct Nonsense {
    const char* name;
    std::string line;
    const char* reason;
};

std::ostream& operator<<(std::ostream& out, const Nonsense& test) {
    return out << test.name;
}

class QmpNonsense : public ::testing::TestWithParam<Nonsense> {};

TEST_P(QmpNonsense, IsTurnedDownWithItsReason) {
    const auto message = parse_qmp_message(GetParam().line);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error(), GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    QmpMessage,
    QmpNonsense,
    ::testing::Values(
        Nonsense{"nothing", "", "a line that is no JSON object"},
        Nonsense{"half", "{\"event\": \"ST", "a line that is no JSON object"},
        Nonsense{"array", "[]", "a line that is no JSON object"},
        Nonsense{"number", "1", "a line that is no JSON object"},
        Nonsense{"not_utf8", "{\"event\": \"\xFF\"}", "a line that is no JSON object"},
        Nonsense{"deep", std::string(500'000, '['), "a line that is no JSON object"},
        Nonsense{"unknown", "{\"a\": 1}", "a message of an unknown kind"},
        Nonsense{"foreign_id", R"({"return": {}, "id": "x"})", "an id that is not ours"},
        Nonsense{"negative_id", R"({"return": {}, "id": -1})", "an id that is not ours"},
        Nonsense{"error_text", R"({"error": "x"})", "an error that is no object"},
        Nonsense{"bare_error", R"({"error": {}})", "an error without class or description"},
        Nonsense{"error_class_number", R"({"error": {"class": 1, "desc": "x"}})",
                 "an error without class or description"},
        Nonsense{"event_number", R"({"event": 1})", "an event whose name is no string"},
        Nonsense{"event_data_text", R"({"event": "A", "data": "x"})",
                 "an event whose data is no object"}),
    [](const auto& test) { return std::string{test.param.name}; });

TEST(QmpLines, SeveralLinesInOnePieceComeOneByOne) {
    QmpLines lines;
    ASSERT_TRUE(lines.feed("a\r\nb\nc"));
    EXPECT_EQ(lines.next(), "a");
    EXPECT_EQ(lines.next(), "b");
    EXPECT_EQ(lines.next(), std::nullopt);
    ASSERT_TRUE(lines.feed("d\n"));
    EXPECT_EQ(lines.next(), "cd");
}

TEST(QmpLines, EmptyLinesAreLeftOut) {
    QmpLines lines;
    ASSERT_TRUE(lines.feed("\r\n\n\na\n"));
    EXPECT_EQ(lines.next(), "a");
    EXPECT_EQ(lines.next(), std::nullopt);
}

TEST(QmpLines, TheLongestLineIsTakenAndOneByteMoreIsNot) {
    QmpLines lines;
    EXPECT_TRUE(lines.feed(std::string(max_qmp_line, 'x')));
    EXPECT_TRUE(lines.feed("\n"));
    EXPECT_EQ(lines.next()->size(), max_qmp_line);
    EXPECT_TRUE(lines.feed(std::string(max_qmp_line, 'x')));
    EXPECT_FALSE(lines.feed("x"));
}

TEST(QmpLines, ManyLinesTogetherMayBeLongerThanOne) {
    QmpLines lines;
    const std::string line = std::string(max_qmp_line / 2, 'x') + '\n';
    EXPECT_TRUE(lines.feed(line + line + line));
}

}  // namespace
}  // namespace scanthru
