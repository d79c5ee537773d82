# SPDX-License-Identifier: MIT
include_guard(GLOBAL)

# add_vm_test(NAME name [VIRTUAL_TIME] [DISPLAY vkms|virtio-gpu|both] [OUTPUTS n] [INIT simple|systemd] [KERNEL version]
#             [APPEND words] [EXPECT_KERNEL_LOG regex] [MEMORY mb] [TIMEOUT s] [WRITABLE folder…] [ENVIRONMENT NAME=VALUE…]
#             [LABELS label…] COMMAND command…)
#
# A ctest test that runs COMMAND in the VM of tests/vm/run, whose options these are; generator expressions such as
# $<TARGET_FILE:…> work. One VM runs at a time. The label is vm if none is given; TIMEOUT (300) is the VM's, boot included.
# COMMAND finds a folder it may leave files in, build/…/vm/NAME, in SCANTHRU_TEST_OUTPUT. It is skipped when it ends with 77.
function(add_vm_test)
    cmake_parse_arguments(
        PARSE_ARGV 0 vm "VIRTUAL_TIME" "NAME;DISPLAY;OUTPUTS;INIT;KERNEL;APPEND;EXPECT_KERNEL_LOG;MEMORY;TIMEOUT"
        "WRITABLE;ENVIRONMENT;LABELS;COMMAND")
    if(vm_UNPARSED_ARGUMENTS OR NOT vm_NAME OR NOT vm_COMMAND)
        message(FATAL_ERROR "add_vm_test: needs NAME and COMMAND, and does not know '${vm_UNPARSED_ARGUMENTS}'")
    endif()
    if(NOT vm_TIMEOUT)
        set(vm_TIMEOUT 300)
    endif()

    set(output ${PROJECT_BINARY_DIR}/vm/${vm_NAME})
    file(MAKE_DIRECTORY ${output})
    set(options --timeout ${vm_TIMEOUT} --writable ${output})
    if(vm_VIRTUAL_TIME)
        list(APPEND options --virtual-time)
    endif()
    foreach(option IN ITEMS DISPLAY OUTPUTS INIT KERNEL APPEND EXPECT_KERNEL_LOG MEMORY)
        if(DEFINED vm_${option})
            string(TOLOWER ${option} word)
            string(REPLACE _ - word ${word})
            list(APPEND options --${word} ${vm_${option}})
        endif()
    endforeach()
    foreach(folder IN LISTS vm_WRITABLE)
        list(APPEND options --writable ${folder})
    endforeach()

    add_vm_rig_test(
        NAME ${vm_NAME}
        TIMEOUT ${vm_TIMEOUT}
        LABELS ${vm_LABELS}
        ENVIRONMENT SCANTHRU_TEST_OUTPUT=${output} ${vm_ENVIRONMENT}
        COMMAND ${PROJECT_SOURCE_DIR}/tests/vm/run ${options} -- ${vm_COMMAND})
endfunction()

# add_vm_rig_test(NAME name [TIMEOUT s] [ENVIRONMENT NAME=VALUE…] [LABELS label…] COMMAND command…)
#
# The same for a COMMAND of the host that starts VMs by itself.
function(add_vm_rig_test)
    cmake_parse_arguments(PARSE_ARGV 0 vm "" "NAME;TIMEOUT" "ENVIRONMENT;LABELS;COMMAND")
    if(NOT vm_TIMEOUT)
        set(vm_TIMEOUT 300)
    endif()
    if(NOT vm_LABELS)
        set(vm_LABELS vm)
    endif()
    # Fetching a kernel and building modules comes on top, once.
    math(EXPR patience "${vm_TIMEOUT} + 300")
    add_test(
        NAME ${vm_NAME}
        COMMAND ${vm_COMMAND}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(
        ${vm_NAME}
        PROPERTIES LABELS "${vm_LABELS}"
                   ENVIRONMENT "${vm_ENVIRONMENT}"
                   TIMEOUT ${patience}
                   RESOURCE_LOCK vm
                   COST 2000
                   PROCESSORS 1
                   SKIP_RETURN_CODE 77)
endfunction()
