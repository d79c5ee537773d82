// SPDX-License-Identifier: MIT
#include "base/unix_socket.h"
#include "fake/fake_vfio.h"
#include "unit/temporary_directory.h"
#include "vfio/acquire.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace scanthru::vfio {
namespace {

using std::chrono::milliseconds;
using testing::FakeDevice;
using testing::FakeVfio;
using testing::TemporaryDirectory;

constexpr auto uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

bool is_file(int fd, const std::string& path) {
    struct stat opened {};
    struct stat there {};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &there) == 0 &&
           opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

bool is_private(int fd) {
    return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/// A node below a /dev/vfio of our own.
class FakeNode : public FakeDevice {
public:
    explicit FakeNode(std::string path) : path_(std::move(path)) { std::ofstream{path_}; }
    bool owns(int fd) const override { return is_file(fd, path_); }

private:
    const std::string path_;
};

class FakeContainer final : public FakeNode {
public:
    using FakeNode::FakeNode;
    int handle(int, unsigned long request, void*) override {
        switch (request) {
        case VFIO_GET_API_VERSION: return version;
        case VFIO_CHECK_EXTENSION: return has_type1 ? 1 : 0;
        case VFIO_SET_IOMMU: return 0;
        default: ADD_FAILURE() << "unexpected ioctl on a container"; return -ENOTTY;
        }
    }
    int version = VFIO_API_VERSION;
    bool has_type1 = true;
};

class FakeGroup final : public FakeNode {
public:
    FakeGroup(std::string path, const FakeContainer& container, const FakeVfio& device)
        : FakeNode(std::move(path)), container_(container), device_(device) {}

    int handle(int, unsigned long request, void* argument) override {
        switch (request) {
        case VFIO_GROUP_GET_STATUS:
            static_cast<vfio_group_status*>(argument)->flags = flags;
            return 0;
        case VFIO_GROUP_SET_CONTAINER:
            joined_ = container_.owns(*static_cast<int*>(argument));
            return joined_ ? 0 : -EINVAL;
        case VFIO_GROUP_GET_DEVICE_FD:
            if (!joined_ || std::string_view{static_cast<char*>(argument)} != uuid) return -ENODEV;
            // Without CLOEXEC, to see whether anybody minds.
            return ::dup(device_.open().get());
        default: ADD_FAILURE() << "unexpected ioctl on a group"; return -ENOTTY;
        }
    }
    std::uint32_t flags = VFIO_GROUP_FLAGS_VIABLE;

private:
    const FakeContainer& container_;
    const FakeVfio& device_;
    bool joined_ = false;
};

/// A /sys, a /dev/vfio and a /proc of our own.
class AcquireTest : public ::testing::Test {
protected:
    AcquireTest() {
        std::filesystem::create_directories(places.mdevs);
        std::filesystem::create_directories(places.vfio);
        std::filesystem::create_directories(own_fds());
    }

    std::string own_fds() const { return fmt::format("{}/{}/fd", places.proc, ::getpid()); }

    void add_mdev(const std::string& name, int group) const {
        const auto device = std::filesystem::path{places.mdevs} / name;
        std::filesystem::create_directory(device);
        std::filesystem::create_directory_symlink(
            fmt::format("../../../kernel/iommu_groups/{}", group), device / "iommu_group");
    }

    /// Makes /proc say that descriptor `fd` of this process is `target`.
    void list_fd(int fd, const std::string& target) const {
        std::filesystem::create_symlink(target, fmt::format("{}/{}", own_fds(), fd));
    }

    void list_device(int fd) const { list_fd(fd, "anon_inode:[vfio-device]"); }

    TemporaryDirectory root;
    const Places places{.mdevs = root / "mdevs", .vfio = root / "vfio", .proc = root / "proc"};
};

class OpenMdev : public AcquireTest {
protected:
    OpenMdev() { add_mdev(uuid, 14); }

    FakeVfio vgpu;
    FakeContainer container{places.vfio + "/vfio"};
    FakeGroup group{places.vfio + "/14", container, vgpu};
};

TEST_F(OpenMdev, GoesThroughGroupAndContainerToTheDevice) {
    const auto opened = open_mdev(uuid, places);
    ASSERT_TRUE(opened) << fmt::format("{}", opened.error());
    EXPECT_TRUE(container.owns(opened->container.get()));
    EXPECT_TRUE(group.owns(opened->group.get()));
    EXPECT_TRUE(vgpu.owns(opened->device.get()));
}

TEST_F(OpenMdev, NothingIsInheritedByAChild) {
    const auto opened = open_mdev(uuid, places);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(is_private(opened->container.get()));
    EXPECT_TRUE(is_private(opened->group.get()));
    EXPECT_TRUE(is_private(opened->device.get()));
}

TEST_F(OpenMdev, TheUuidMayBeInCapitals) {
    EXPECT_TRUE(open_mdev("83B8F4F2-509F-382F-3C1E-E6BFE0FA1001", places));
}

TEST_F(OpenMdev, APathIsNoUuid) {
    EXPECT_EQ(open_mdev("../mdevs", places).error(), (Error{EINVAL, "mdev UUID"}));
}

TEST_F(OpenMdev, ADeviceThatIsNotThereIsNamed) {
    EXPECT_EQ(open_mdev("00000000-0000-0000-0000-000000000000", places).error(),
              (Error{ENOENT, "mdev UUID"}));
}

TEST_F(OpenMdev, ADeviceWithoutAGroupHasNoVfioDriver) {
    constexpr auto bare = "11111111-1111-1111-1111-111111111111";
    std::filesystem::create_directory(std::filesystem::path{places.mdevs} / bare);
    EXPECT_EQ(open_mdev(bare, places).error(), (Error{ENODEV, "iommu_group of the mdev"}));
}

TEST_F(OpenMdev, AGroupThatSomebodyElseHasIsBusy) {
    group.fail_next(VFIO_GROUP_SET_CONTAINER, EBUSY);
    EXPECT_EQ(open_mdev(uuid, places).error().code, EBUSY);
}

TEST_F(OpenMdev, AGroupThatIsNotViableIsNotUsed) {
    group.flags = 0;
    EXPECT_EQ(open_mdev(uuid, places).error(), (Error{ENODEV, "VFIO_GROUP_FLAGS_VIABLE"}));
}

TEST_F(OpenMdev, AKernelWithoutType1IsNamed) {
    container.has_type1 = false;
    EXPECT_EQ(open_mdev(uuid, places).error(), (Error{ENODEV, "vfio_iommu_type1"}));
}

TEST_F(OpenMdev, AnotherApiVersionIsRefused) {
    container.version = VFIO_API_VERSION + 1;
    EXPECT_EQ(open_mdev(uuid, places).error(), (Error{EPROTO, "VFIO_GET_API_VERSION"}));
}

TEST_F(OpenMdev, EveryRefusalIsPassedOnAndLeavesNothingOpen) {
    for (const unsigned long request :
         {VFIO_GET_API_VERSION, VFIO_CHECK_EXTENSION, VFIO_SET_IOMMU}) {
        container.fail_next(request, EIO);
        EXPECT_FALSE(open_mdev(uuid, places)) << request;
    }
    for (const unsigned long request :
         {VFIO_GROUP_GET_STATUS, VFIO_GROUP_SET_CONTAINER, VFIO_GROUP_GET_DEVICE_FD}) {
        group.fail_next(request, EIO);
        EXPECT_EQ(open_mdev(uuid, places).error().code, EIO) << request;
    }
}

class TakeFromProcess : public AcquireTest {
protected:
    Result<TakenDevice> take(std::string_view mdev = {}) const {
        return take_from_process(::getpid(), mdev, places);
    }

    FakeVfio vgpu;
    FakeVfio other;
    FakeVfio passthrough{{.exports = Export::none}};
};

TEST_F(TakeFromProcess, TakesTheDeviceWithADisplay) {
    const UniqueFd remote = vgpu.open();
    list_device(remote.get());
    const auto taken = take();
    ASSERT_TRUE(taken) << fmt::format("{}", taken.error());
    EXPECT_TRUE(vgpu.owns(taken->device.get()));
    EXPECT_NE(taken->device.get(), remote.get());
    EXPECT_EQ(taken->remote_fd, remote.get());
    EXPECT_TRUE(is_private(taken->device.get()));
}

TEST_F(TakeFromProcess, TouchesNothingButVfioDevices) {
    const UniqueFd remote = vgpu.open();
    list_fd(remote.get(), places.vfio + "/vfio");
    EXPECT_EQ(take().error(), (Error{ENOENT, "vfio-device of the process"}));
    EXPECT_EQ(vgpu.calls(VFIO_DEVICE_GET_INFO), 0);
}

TEST_F(TakeFromProcess, PassesOverADeviceWithoutADisplay) {
    const UniqueFd first = passthrough.open();
    const UniqueFd second = vgpu.open();
    list_device(first.get());
    list_device(second.get());
    const auto taken = take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->remote_fd, second.get());
}

TEST_F(TakeFromProcess, PassesOverADescriptorThatIsClosedMeanwhile) {
    const UniqueFd remote = vgpu.open();
    list_device(1000);
    list_device(remote.get());
    EXPECT_TRUE(take());
}

TEST_F(TakeFromProcess, OfSeveralDisplaysItTakesTheFirst) {
    const UniqueFd first = vgpu.open();
    const UniqueFd second = other.open();
    list_device(first.get());
    list_device(second.get());
    const auto taken = take();
    ASSERT_TRUE(taken);
    EXPECT_TRUE(vgpu.owns(taken->device.get()));
}

TEST_F(TakeFromProcess, TheUuidChoosesWhatWasOpenedAfterItsGroup) {
    const UniqueFd first = vgpu.open();
    const UniqueFd group{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const UniqueFd second = other.open();
    list_device(first.get());
    list_fd(group.get(), places.vfio + "/15");
    list_device(second.get());
    add_mdev(uuid, 15);
    const auto taken = take(uuid);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(other.owns(taken->device.get()));
}

TEST_F(TakeFromProcess, AnMdevThatTheProcessHasNotOpenedIsNotThere) {
    const UniqueFd remote = vgpu.open();
    list_device(remote.get());
    add_mdev(uuid, 15);
    EXPECT_EQ(take(uuid).error(), (Error{ENOENT, "mdev of the process"}));
}

TEST_F(TakeFromProcess, AnMdevThatDoesNotExistIsNamed) {
    EXPECT_EQ(take(uuid).error(), (Error{ENOENT, "mdev UUID"}));
}

TEST_F(TakeFromProcess, AProcessThatHasEndedIsGone) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_EQ(take_from_process(child, {}).error().code, ESRCH);
    EXPECT_EQ(open_pidfd(child).error(), (Error{ESRCH, "pidfd_open"}));
}

/// A child that does nothing until it is killed.
class Child {
public:
    Child() : pid_(::fork()) {
        if (pid_ == 0)
            for (;;)
                ::pause();
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { kill(); }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

TEST(OpenPidfd, IsReadableWhenTheProcessHasEnded) {
    Child child;
    const auto pidfd = open_pidfd(child.pid());
    ASSERT_TRUE(pidfd);
    EXPECT_TRUE(is_private(pidfd->get()));
    pollfd wait{.fd = pidfd->get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wait, 1, 0), 0);
    child.kill();
    EXPECT_EQ(::poll(&wait, 1, 1000), 1);
}

TEST(SameOpenFile, KnowsADuplicateInAnotherProcess) {
    const UniqueFd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const UniqueFd copy{::dup(file.get())};
    const UniqueFd another{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const Child child;
    if (!same_open_file(file.get(), ::getpid(), file.get()))
        GTEST_SKIP() << "kcmp(2) is not to be had here";
    EXPECT_TRUE(same_open_file(copy.get(), ::getpid(), file.get()));
    EXPECT_FALSE(same_open_file(another.get(), ::getpid(), file.get()));
    EXPECT_FALSE(same_open_file(file.get(), ::getpid(), -1));
    EXPECT_TRUE(same_open_file(file.get(), child.pid(), file.get()));
}

class ReceiveDevice : public ::testing::Test {
protected:
    TemporaryDirectory directory;
    const std::string path = directory / "device";
    UniqueFd listener = *listen_unix(path, 0600);

    /// Serves the one visitor that comes.
    void serve(const std::function<void(int)>& service) {
        server_ = std::thread{[this, service] {
            pollfd wait{.fd = listener.get(), .events = POLLIN, .revents = 0};
            if (::poll(&wait, 1, 5000) != 1) return;
            if (const auto visitor = accept_unix(listener.get())) service(visitor->get());
        }};
    }

    void TearDown() override {
        if (server_.joinable()) server_.join();
    }

private:
    std::thread server_;
};

TEST_F(ReceiveDevice, TakesTheDescriptorThatIsSent) {
    const FakeVfio vgpu;
    const UniqueFd sent = vgpu.open();
    serve([&](int visitor) { EXPECT_TRUE(send_all(visitor, "d", sent.get())); });
    const auto device = receive_device(path);
    ASSERT_TRUE(device);
    EXPECT_TRUE(vgpu.owns(device->get()));
    EXPECT_TRUE(is_private(device->get()));
}

TEST_F(ReceiveDevice, DataWithoutADescriptorIsNoDevice) {
    serve([](int visitor) { EXPECT_TRUE(send_all(visitor, "hello")); });
    EXPECT_EQ(receive_device(path).error(), (Error{ENOMSG, "receive_device"}));
}

TEST_F(ReceiveDevice, ASilentEndIsToldApart) {
    serve([](int) {});
    EXPECT_EQ(receive_device(path).error(), (Error{ECONNRESET, "receive_device"}));
}

TEST_F(ReceiveDevice, ASilentServerIsNotWaitedForForEver) {
    EXPECT_EQ(receive_device(path, milliseconds{20}).error(), (Error{ETIMEDOUT, "receive_device"}));
}

TEST_F(ReceiveDevice, ASocketThatIsNotThereIsAnError) {
    EXPECT_EQ(receive_device(directory / "none").error(), (Error{ENOENT, "connect"}));
}

}  // namespace
}  // namespace scanthru::vfio
