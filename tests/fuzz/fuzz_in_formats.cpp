// SPDX-License-Identifier: MIT
#include "kms/formats.h"

#include <cstdlib>

// The input is an IN_FORMATS blob as a driver could have shaped it; the property is that nothing
// outside is read, and that the set contains what it lists.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto formats =
        scanthru::kms::FormatSet::parse_in_formats(std::as_bytes(std::span{data, size}));
    if (!formats) return 0;
    for (const auto& pair : formats->all())
        if (!formats->contains(pair.format, pair.modifier)) std::abort();
    return 0;
}
