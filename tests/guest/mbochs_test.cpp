// SPDX-License-Identifier: MIT
// A real Linux guest on the kernel's own sample vGPU, on a vkms and a virtio-gpu output at once. As
// it is, no driver can show mbochs's buffers and no CPU can read them; with the one line changed
// that mbochs-rw has, they are copied.
#include "crc_reader.h"
#include "nested_guest.h"
#include "prediction.h"
#include "presenter_process.h"
#include "screendump.h"
#include "synthetic_guest.h"

#include <fstream>
#include <gtest/gtest.h>

namespace scanthru::system_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Size screen{640, 480};  ///< What pictures.cpp draws.
constexpr seconds boot_limit{900};
constexpr milliseconds limit{60'000};
const std::string start_options =
    "--no-wait --do guest_pictures --add " GUEST_PICTURES " --device ";

class Mbochs : public ::testing::Test {
protected:
    void SetUp() override {
        const std::string config = "/tmp/mbochs.toml";
        std::ofstream{config}
            << "[[guest]]\nname = \"sample\"\nsource = \"qmp:" << guest.socket() << "\"\n"
            << "[[output]]\ncard = \"" << vkms_card()
            << "\"\nrefresh = \"never\"\n"
            // Composing for the CRCs takes this machine's processors away: fewer vblanks.
            << "modeline = \"8.4 640 656 752 800 480 490 492 525\"\n"
            << "[[output]]\nname = \"Virtual-1\"\ncard = \"" << virtio_card()
            << "\"\nmode = \"640x480\"\n";
        presenter.emplace(std::vector<std::string>{"--config", config});
    }

    void TearDown() override {
        if (HasFailure())
            std::cerr << presenter->log() << presenter->status().dump(1) << guest.serial()
                      << guest.monitor_log();
        EXPECT_EQ(presenter->stop(), 0);
        run_shell("tests/vm/guest stop sample");
        run_shell("rmmod mbochs_rw || rmmod mbochs");
    }

    NestedGuest guest{"sample"};
    std::optional<PresenterProcess> presenter;
};

TEST_F(Mbochs, WithReadableBuffersIsCopiedToBothCards) {
    guest.start(start_options + "mbochs-rw/mbochs-medium");
    guest.wait_for("guest: painted", boot_limit);
    const CrcReader crcs{vkms_card()};
    const auto shown = [&](std::uint32_t number) {
        return crcs.wait_for(predict_crc(guest_picture(number, screen), nullptr, {}), limit) &&
               outer_screen_shows(0, opaque(guest_picture(number, screen)));
    };
    EXPECT_TRUE(shown(1));
    for (std::size_t output : {0U, 1U})
        EXPECT_EQ(presenter->output(output)["primary"]["rung"], "copy");
    EXPECT_NE(presenter->output(0)["primary"]["obstacle"]["text"], "");
    guest.press("f");
    guest.wait_for("guest: flipped 300", seconds{300});
    EXPECT_TRUE(shown(3));
}

TEST_F(Mbochs, AsItIsGivesAMessageThatSaysWhy) {
    guest.start(start_options + "mbochs/mbochs-medium");
    guest.wait_for("guest: painted", boot_limit);
    for (std::size_t output : {0U, 1U}) {
        EXPECT_TRUE(PresenterProcess::wait(
            [&] {
                const auto status = presenter->output(output);
                return status["message"] == true &&
                       status["says"].get<std::string>().find("nor can it be copied") !=
                           std::string::npos;
            },
            limit));
    }
    std::cout << "on the screen: " << presenter->output(0)["says"].get<std::string>() << '\n';
}

}  // namespace
}  // namespace scanthru::system_test
