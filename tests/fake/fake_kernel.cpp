// SPDX-License-Identifier: MIT
#include "fake/fake_kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace scanthru::testing {
namespace {

struct Registry {
    std::mutex mutex;
    std::vector<FakeDevice*> devices;
};

Registry& registry() {
    // Never destroyed: libraries may call ioctl(2) while the program ends.
    static auto* const instance = new Registry;
    return *instance;
}

FakeDevice* owner_of(int fd) {
    Registry& all = registry();
    const std::scoped_lock lock{all.mutex};
    const auto found = std::ranges::find_if(
        all.devices, [fd](const FakeDevice* device) { return device->owns(fd); });
    return found == all.devices.end() ? nullptr : *found;
}

}  // namespace

FakeDevice::FakeDevice() {
    Registry& all = registry();
    const std::scoped_lock lock{all.mutex};
    all.devices.push_back(this);
}

FakeDevice::~FakeDevice() {
    Registry& all = registry();
    const std::scoped_lock lock{all.mutex};
    std::erase(all.devices, this);
}

void FakeDevice::fail_next(unsigned long request, int error, int times) {
    const std::scoped_lock lock{mutex_};
    faults_.emplace(request, Fault{error, times});
}

void FakeDevice::when_called(unsigned long request, std::function<void()> hook) {
    const std::scoped_lock lock{mutex_};
    hooks_[request] = std::move(hook);
}

int FakeDevice::calls(unsigned long request) const {
    const std::scoped_lock lock{mutex_};
    const auto found = calls_.find(request);
    return found == calls_.end() ? 0 : found->second;
}

int FakeDevice::dispatch(int fd, unsigned long request, void* argument) {
    std::function<void()> hook;
    int error = 0;
    {
        const std::scoped_lock lock{mutex_};
        ++calls_[request];
        if (const auto found = hooks_.find(request); found != hooks_.end()) hook = found->second;
        if (const auto fault = faults_.find(request); fault != faults_.end()) {
            error = fault->second.error;
            if (--fault->second.times <= 0) faults_.erase(fault);
        }
    }
    if (hook) hook();
    return error != 0 ? -error : handle(fd, request, argument);
}

}  // namespace scanthru::testing

// Found before the one of libc by this program and by every library it loads.
extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);

    auto* const device = scanthru::testing::owner_of(fd);
    if (device == nullptr) return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
    const int result = device->dispatch(fd, request, argument);
    if (result >= 0) return result;
    errno = -result;
    return -1;
}
