// SPDX-License-Identifier: MIT
#include "fake/fake_drm.h"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>

namespace scanthru::testing {
namespace {

struct stat status_of(int fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd, &status), 0) << "fstat(" << fd << ")";
    return status;
}

}  // namespace

UniqueFd make_dmabuf(std::size_t bytes) {
    UniqueFd memory{::memfd_create("dma-buf", MFD_CLOEXEC)};
    EXPECT_EQ(::ftruncate(memory.get(), static_cast<off_t>(bytes)), 0);
    return memory;
}

std::optional<std::uint64_t> FakeCommit::set(kms::ObjectId object,
                                             std::string_view property) const {
    const auto changed = changes.find(raw(object));
    if (changed == changes.end()) return std::nullopt;
    const auto found = changed->second.find(property);
    return found != changed->second.end() ? std::optional{found->second} : std::nullopt;
}

FakeDrm::FakeDrm(FakeDrmOptions options)
    : options_(std::move(options)), file_(::memfd_create("drm", MFD_CLOEXEC)), model_(options_) {
    EXPECT_TRUE(file_);
    const auto start = options_.real_time ? std::chrono::steady_clock::now()
                                          : kms::Timestamp{std::chrono::seconds{1000}};
    for (const std::uint32_t crtc : model_.crtcs)
        vblanks_[crtc] = {.sequence = 100, .when = start};
}

FakeDrm::~FakeDrm() {
    std::size_t left = 0;
    for (const auto& [number, framebuffer] : framebuffers_)
        left += framebuffer.what.of_others ? 0 : 1;
    EXPECT_EQ(left, 0U) << "framebuffers left behind";
    EXPECT_EQ(handles_.size(), 0U) << "GEM handles left behind";
    EXPECT_EQ(blobs(), 0U) << "blobs left behind";
}

UniqueFd FakeDrm::open() const {
    return UniqueFd{::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)};
}

std::unique_ptr<kms::Card> FakeDrm::card() const {
    auto prepared = kms::Card::prepare(open(), "/dev/dri/card0");
    EXPECT_TRUE(prepared) << (prepared ? std::string{} : fmt::format("{}", prepared.error()));
    return prepared ? std::move(*prepared) : nullptr;
}

bool FakeDrm::owns(int fd) const {
    struct stat mine {};
    struct stat theirs {};
    return ::fstat(file_.get(), &mine) == 0 && ::fstat(fd, &theirs) == 0 &&
           mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev;
}

int FakeDrm::handle(int /*fd*/, unsigned long request, void* argument) {
    std::unique_lock lock{state_mutex_};
    if (request == DRM_IOCTL_MODE_ATOMIC) {
        std::optional<kms::Timestamp> on_screen;
        const int result = atomic(*static_cast<const drm_mode_atomic*>(argument), on_screen);
        // Waited out without the lock, so that other outputs and the test go on.
        lock.unlock();
        if (on_screen) std::this_thread::sleep_until(*on_screen);
        return result;
    }
    for (const auto answer : {&FakeDrm::answer_about_objects, &FakeDrm::answer_about_client,
                              &FakeDrm::answer_about_buffers})
        if (const auto result = (this->*answer)(request, argument)) return *result;
    ADD_FAILURE() << "unexpected ioctl " << std::hex << request;
    return -ENOTTY;
}

void FakeDrm::set_master(bool master) {
    const std::scoped_lock lock{state_mutex_};
    master_ = master;
}

void FakeDrm::plug(bool connected, unsigned output) {
    const std::scoped_lock lock{state_mutex_};
    FakeConnector& plugged = model_.connectors.at(raw(connector(output)));
    plugged.connected = connected;
    plugged.modes = connected ? options_.modes : std::vector<kms::Mode>{};
}

void FakeDrm::set_modes(std::vector<kms::Mode> modes, unsigned output) {
    const std::scoped_lock lock{state_mutex_};
    model_.connectors.at(raw(connector(output))).modes = std::move(modes);
}

void FakeDrm::leave(kms::ObjectId object, std::string_view property, std::uint64_t value) {
    const std::scoped_lock lock{state_mutex_};
    const std::uint32_t number = model_.property_id(raw(object), property);
    ASSERT_NE(number, 0U) << "no property " << property;
    model_.state[raw(object)][number] = value;
    drop_unused_blobs();
}

kms::BlobId FakeDrm::leave_blob(std::span<const std::byte> bytes) {
    const std::scoped_lock lock{state_mutex_};
    const std::uint32_t number = next_id_++;
    blobs_[number] = {.bytes = {bytes.begin(), bytes.end()}, .of_others = true};
    return kms::BlobId{number};
}

void FakeDrm::remove_blob_of_others(kms::BlobId blob) {
    const std::scoped_lock lock{state_mutex_};
    blobs_.at(raw(blob)).of_others = false;
    drop_unused_blobs();
}

kms::FramebufferId FakeDrm::leave_framebuffer(Size size, std::uint32_t format) {
    const std::scoped_lock lock{state_mutex_};
    const std::uint32_t number = next_id_++;
    framebuffers_[number].what = {
        .size = size, .format = format, .stride = size.width * 4, .of_others = true};
    return kms::FramebufferId{number};
}

void FakeDrm::remove_framebuffer_of_others(kms::FramebufferId framebuffer) {
    const std::scoped_lock lock{state_mutex_};
    turn_off_planes_with(raw(framebuffer));
    framebuffers_.erase(raw(framebuffer));
}

kms::FramebufferId FakeDrm::light_by_others(unsigned output) {
    const kms::Mode mode = options_.modes.at(0);
    const Size size = kms::size_of(mode);
    const auto console = leave_framebuffer(size);
    const auto timing = leave_blob(std::as_bytes(std::span{&mode, 1}));
    leave(connector(output), "CRTC_ID", raw(crtc(output)));
    leave(crtc(output), "MODE_ID", raw(timing));
    remove_blob_of_others(timing);  // From now on the CRTC keeps it.
    leave(crtc(output), "ACTIVE", 1);
    const kms::ObjectId plane = primary(output);
    leave(plane, "CRTC_ID", raw(crtc(output)));
    leave(plane, "FB_ID", raw(console));
    leave(plane, "SRC_W", std::uint64_t{size.width} << 16U);
    leave(plane, "SRC_H", std::uint64_t{size.height} << 16U);
    leave(plane, "CRTC_W", size.width);
    leave(plane, "CRTC_H", size.height);
    return console;
}

void FakeDrm::refuse_to_show(int dmabuf, int error) {
    const std::scoped_lock lock{state_mutex_};
    refused_dmabufs_[status_of(dmabuf).st_ino] = error;
}

void FakeDrm::refuse_to_show(kms::FramebufferId framebuffer, int error) {
    const std::scoped_lock lock{state_mutex_};
    refused_framebuffers_[raw(framebuffer)] = error;
}

void FakeDrm::show_everything_again() {
    const std::scoped_lock lock{state_mutex_};
    refused_dmabufs_.clear();
    refused_framebuffers_.clear();
}

void FakeDrm::refuse_async_flips(bool refused) {
    const std::scoped_lock lock{state_mutex_};
    async_refused_ = refused;
}

void FakeDrm::allow_removal_on_screen() {
    const std::scoped_lock lock{state_mutex_};
    removal_on_screen_allowed_ = true;
}

}  // namespace scanthru::testing
