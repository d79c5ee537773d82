// SPDX-License-Identifier: MIT
#pragma once

#include "presenter/options.h"

/// The commands that ask a running scanthru. Each prints its result or says on stderr why there is
/// none, and returns the exit code.
namespace scanthru {

int ask(const StatusCommand& command);

/// Writes the PNG that scanthru sends to the file, which is left alone when there is none.
int ask(const ScreenshotCommand& command);

int ask(const SwitchCommand& command);

int ask(const BlankCommand& command);

int ask(const SendkeyCommand& command);

/// Returns when every output has let go of the guest's device.
int ask(const ReleaseCommand& command);

}  // namespace scanthru
