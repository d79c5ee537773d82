// SPDX-License-Identifier: MIT
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace scanthru {

/// Puts `text` in a file that everybody may read. Who reads it meanwhile sees all of the old text
/// or all of the new one. Leaves nothing else in the folder, also when it fails.
///
/// Errors: those of mkostemp(3), write(2) and rename(2).
Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace scanthru
