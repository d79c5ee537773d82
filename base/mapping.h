// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <cerrno>
#include <cstddef>
#include <span>
#include <sys/mman.h>
#include <utility>

namespace scanthru {

/// Memory of a descriptor in our address space. Unmapped when destroyed; the descriptor may be
/// closed before.
class Mapping {
public:
    /// `protection`: PROT_*; shared. Errors: those of mmap(2).
    static Result<Mapping> create(int fd, std::size_t bytes, int protection, off_t offset = 0) {
        void* const address = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, offset);
        if (address == MAP_FAILED) return fail(errno, "mmap");
        return Mapping{{static_cast<std::byte*>(address), bytes}};
    }

    Mapping() = default;
    Mapping(Mapping&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}
    Mapping& operator=(Mapping&& other) noexcept {
        Mapping taken{std::move(other)};
        std::swap(memory_, taken.memory_);
        return *this;
    }

    ~Mapping() {
        if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
    }

    std::span<std::byte> memory() const noexcept { return memory_; }

private:
    explicit Mapping(std::span<std::byte> memory) noexcept : memory_(memory) {}

    std::span<std::byte> memory_;
};

}  // namespace scanthru
