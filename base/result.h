// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <string_view>
#include <tl/expected.hpp>

namespace scanthru {

/// A refusal by the kernel or by a library: which call, and why.
///
/// Never allocates: on the commit path -EINVAL is an answer, not an accident.
struct Error {
    int code = 0;           ///< Positive errno value.
    std::string_view call;  ///< What failed. Views a string literal.

    bool operator==(const Error&) const = default;
};

/// Whether the reason is of the moment: the same may work later, so nothing is to be learned of
/// what was tried.
inline bool is_transient(const Error& error) {
    switch (error.code) {
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return true;
    default: return false;
    }
}

/// A value, or the reason there is none.
template <class T, class E = Error>
using Result = tl::expected<T, E>;

/// The failed outcome of `call`, as a Result of any type. `code` is a positive errno value.
inline tl::unexpected<Error> fail(int code, std::string_view call) {
    return tl::unexpected<Error>{Error{code, call}};
}

/// Passes on the reason of another failed Result.
inline tl::unexpected<Error> fail(const Error& error) {
    return tl::unexpected<Error>{error};
}

/// What is wrong with something that a person wrote, as a Result<T, std::string> of any type: a
/// sentence or the end of one.
inline tl::unexpected<std::string> wrong(std::string sentence) {
    return tl::unexpected<std::string>{std::move(sentence)};
}

}  // namespace scanthru

template <>
struct fmt::formatter<scanthru::Error> {
    constexpr auto parse(format_parse_context& context) { return context.begin(); }

    auto format(const scanthru::Error& error, format_context& context) const {
        // strerrordesc_np, not strerror: several threads format errors.
        const char* const reason = ::strerrordesc_np(error.code);
        const char* const name = ::strerrorname_np(error.code);
        return fmt::format_to(context.out(), "{}: {} ({})", error.call,
                              reason != nullptr ? reason : "unknown error",
                              name != nullptr ? name : "?");
    }
};
