// SPDX-License-Identifier: MIT
#include "input/key_table.h"
