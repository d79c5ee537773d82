# SPDX-License-Identifier: MIT
# Tests that belong to no program: format, lint, and the unit tests under sanitizers.

function(add_check name label)
    add_test(
        NAME ${name}
        COMMAND ${ARGN}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 1200 SKIP_RETURN_CODE 77)
endfunction()

set(checks ${PROJECT_SOURCE_DIR}/tests/lib)
add_check(lint.format lint ${checks}/check-format)
add_check(lint.shell lint ${checks}/check-shell)
add_check(lint.tree lint ${checks}/check-tree)
add_check(lint.tidy lint ${checks}/check-tidy ${PROJECT_BINARY_DIR})
# The longest of all after the VMs, of which one at a time runs beside it.
set_tests_properties(lint.tidy PROPERTIES COST 1000 TIMEOUT 3600)
# Only the every-day build knows its sanitized sister and plants faults.
if(NOT SCANTHRU_SANITIZE)
    add_check(unit.with_sanitizers unit ${checks}/check-sanitized ${PROJECT_SOURCE_DIR}/build/asan)
    set_tests_properties(unit.with_sanitizers PROPERTIES COST 900 TIMEOUT 3600)
    add_check(unit.catches_planted_faults unit ${PROJECT_SOURCE_DIR}/tests/mutation/run --if-full)
    set_tests_properties(unit.catches_planted_faults PROPERTIES PROCESSORS 2)
endif()
