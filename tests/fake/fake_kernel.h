// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <mutex>

namespace scanthru::testing {

/// A device that exists only in this process.
///
/// The test program defines ioctl(2) itself and asks the living fakes whose descriptor it is, so
/// our code and the real libdrm run unchanged. A descriptor that no fake owns goes to the kernel.
/// Create a fake before the threads that use it, and end those before the fake.
class FakeDevice {
public:
    FakeDevice(const FakeDevice&) = delete;
    FakeDevice& operator=(const FakeDevice&) = delete;
    virtual ~FakeDevice();

    /// Whether `fd` is this device. Asked with the registry locked: answer quickly, no ioctl.
    virtual bool owns(int fd) const = 0;

    /// Does what the kernel would. Returns what ioctl(2) is to return, or -errno. May block.
    virtual int handle(int fd, unsigned long request, void* argument) = 0;

    /// Plants a fault: the next `times` calls of `request` fail and never reach handle().
    void fail_next(unsigned long request, int error, int times = 1);

    /// Runs `hook` at every call of `request`, faulty ones included, on the caller's thread and
    /// before anything else happens. It may block; an empty one ends it.
    void when_called(unsigned long request, std::function<void()> hook);

    /// How often `request` was called, failed calls included.
    int calls(unsigned long request) const;

    /// One call from the program: counts it, plants what is to be planted, else handle().
    int dispatch(int fd, unsigned long request, void* argument);

protected:
    FakeDevice();

private:
    struct Fault {
        int error;
        int times;
    };

    mutable std::mutex mutex_;  ///< Never held while handle() or a hook runs.
    std::multimap<unsigned long, Fault> faults_;
    std::map<unsigned long, std::function<void()>> hooks_;
    std::map<unsigned long, int> calls_;
};

}  // namespace scanthru::testing
