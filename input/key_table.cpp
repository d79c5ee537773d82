// SPDX-License-Identifier: MIT
#include "input/key_table.h"

#include <algorithm>
#include <array>
#include <linux/input-event-codes.h>

namespace scanthru::input {
namespace {

// QEMU's own pairs, as in its keycodemapdb. PrtSc is "print": with Alt held QEMU itself makes
// SysRq's scancode of it.
constexpr auto table = std::to_array<KeyEntry>({
    {KEY_ESC, "esc", "esc"},
    {KEY_1, "1", "1"},
    {KEY_2, "2", "2"},
    {KEY_3, "3", "3"},
    {KEY_4, "4", "4"},
    {KEY_5, "5", "5"},
    {KEY_6, "6", "6"},
    {KEY_7, "7", "7"},
    {KEY_8, "8", "8"},
    {KEY_9, "9", "9"},
    {KEY_0, "0", "0"},
    {KEY_MINUS, "minus", "minus"},
    {KEY_EQUAL, "equal", "equal"},
    {KEY_BACKSPACE, "backspace", "backspace"},
    {KEY_TAB, "tab", "tab"},
    {KEY_Q, "q", "q"},
    {KEY_W, "w", "w"},
    {KEY_E, "e", "e"},
    {KEY_R, "r", "r"},
    {KEY_T, "t", "t"},
    {KEY_Y, "y", "y"},
    {KEY_U, "u", "u"},
    {KEY_I, "i", "i"},
    {KEY_O, "o", "o"},
    {KEY_P, "p", "p"},
    {KEY_LEFTBRACE, "leftbrace", "bracket_left"},
    {KEY_RIGHTBRACE, "rightbrace", "bracket_right"},
    {KEY_ENTER, "enter", "ret"},
    {KEY_LEFTCTRL, "leftctrl", "ctrl"},
    {KEY_A, "a", "a"},
    {KEY_S, "s", "s"},
    {KEY_D, "d", "d"},
    {KEY_F, "f", "f"},
    {KEY_G, "g", "g"},
    {KEY_H, "h", "h"},
    {KEY_J, "j", "j"},
    {KEY_K, "k", "k"},
    {KEY_L, "l", "l"},
    {KEY_SEMICOLON, "semicolon", "semicolon"},
    {KEY_APOSTROPHE, "apostrophe", "apostrophe"},
    {KEY_GRAVE, "grave", "grave_accent"},
    {KEY_LEFTSHIFT, "leftshift", "shift"},
    {KEY_BACKSLASH, "backslash", "backslash"},
    {KEY_Z, "z", "z"},
    {KEY_X, "x", "x"},
    {KEY_C, "c", "c"},
    {KEY_V, "v", "v"},
    {KEY_B, "b", "b"},
    {KEY_N, "n", "n"},
    {KEY_M, "m", "m"},
    {KEY_COMMA, "comma", "comma"},
    {KEY_DOT, "dot", "dot"},
    {KEY_SLASH, "slash", "slash"},
    {KEY_RIGHTSHIFT, "rightshift", "shift_r"},
    {KEY_KPASTERISK, "kpasterisk", "kp_multiply"},
    {KEY_LEFTALT, "leftalt", "alt"},
    {KEY_SPACE, "space", "spc"},
    {KEY_CAPSLOCK, "capslock", "caps_lock"},
    {KEY_F1, "f1", "f1"},
    {KEY_F2, "f2", "f2"},
    {KEY_F3, "f3", "f3"},
    {KEY_F4, "f4", "f4"},
    {KEY_F5, "f5", "f5"},
    {KEY_F6, "f6", "f6"},
    {KEY_F7, "f7", "f7"},
    {KEY_F8, "f8", "f8"},
    {KEY_F9, "f9", "f9"},
    {KEY_F10, "f10", "f10"},
    {KEY_NUMLOCK, "numlock", "num_lock"},
    {KEY_SCROLLLOCK, "scrolllock", "scroll_lock"},
    {KEY_KP7, "kp7", "kp_7"},
    {KEY_KP8, "kp8", "kp_8"},
    {KEY_KP9, "kp9", "kp_9"},
    {KEY_KPMINUS, "kpminus", "kp_subtract"},
    {KEY_KP4, "kp4", "kp_4"},
    {KEY_KP5, "kp5", "kp_5"},
    {KEY_KP6, "kp6", "kp_6"},
    {KEY_KPPLUS, "kpplus", "kp_add"},
    {KEY_KP1, "kp1", "kp_1"},
    {KEY_KP2, "kp2", "kp_2"},
    {KEY_KP3, "kp3", "kp_3"},
    {KEY_KP0, "kp0", "kp_0"},
    {KEY_KPDOT, "kpdot", "kp_decimal"},
    {KEY_ZENKAKUHANKAKU, "zenkakuhankaku", ""},
    {KEY_102ND, "102nd", "less"},
    {KEY_F11, "f11", "f11"},
    {KEY_F12, "f12", "f12"},
    {KEY_RO, "ro", "ro"},
    {KEY_KATAKANA, "katakana", ""},
    {KEY_HIRAGANA, "hiragana", "hiragana"},
    {KEY_HENKAN, "henkan", "henkan"},
    {KEY_KATAKANAHIRAGANA, "katakanahiragana", "katakanahiragana"},
    {KEY_MUHENKAN, "muhenkan", "muhenkan"},
    {KEY_KPJPCOMMA, "kpjpcomma", ""},
    {KEY_KPENTER, "kpenter", "kp_enter"},
    {KEY_RIGHTCTRL, "rightctrl", "ctrl_r"},
    {KEY_KPSLASH, "kpslash", "kp_divide"},
    {KEY_SYSRQ, "sysrq", "print"},
    {KEY_RIGHTALT, "rightalt", "alt_r"},
    {KEY_LINEFEED, "linefeed", "lf"},
    {KEY_HOME, "home", "home"},
    {KEY_UP, "up", "up"},
    {KEY_PAGEUP, "pageup", "pgup"},
    {KEY_LEFT, "left", "left"},
    {KEY_RIGHT, "right", "right"},
    {KEY_END, "end", "end"},
    {KEY_DOWN, "down", "down"},
    {KEY_PAGEDOWN, "pagedown", "pgdn"},
    {KEY_INSERT, "insert", "insert"},
    {KEY_DELETE, "delete", "delete"},
    {KEY_MACRO, "macro", ""},
    {KEY_MUTE, "mute", "audiomute"},
    {KEY_VOLUMEDOWN, "volumedown", "volumedown"},
    {KEY_VOLUMEUP, "volumeup", "volumeup"},
    {KEY_POWER, "power", "power"},
    {KEY_KPEQUAL, "kpequal", "kp_equals"},
    {KEY_KPPLUSMINUS, "kpplusminus", ""},
    {KEY_PAUSE, "pause", "pause"},
    {KEY_SCALE, "scale", ""},
    {KEY_KPCOMMA, "kpcomma", "kp_comma"},
    {KEY_HANGEUL, "hangeul", "lang1"},
    {KEY_HANJA, "hanja", "lang2"},
    {KEY_YEN, "yen", "yen"},
    {KEY_LEFTMETA, "leftmeta", "meta_l"},
    {KEY_RIGHTMETA, "rightmeta", "meta_r"},
    {KEY_COMPOSE, "compose", "compose"},
    {KEY_STOP, "stop", "stop"},
    {KEY_AGAIN, "again", "again"},
    {KEY_PROPS, "props", "props"},
    {KEY_UNDO, "undo", "undo"},
    {KEY_FRONT, "front", "front"},
    {KEY_COPY, "copy", "copy"},
    {KEY_OPEN, "open", "open"},
    {KEY_PASTE, "paste", "paste"},
    {KEY_FIND, "find", "find"},
    {KEY_CUT, "cut", "cut"},
    {KEY_HELP, "help", "help"},
    {KEY_MENU, "menu", "menu"},
    {KEY_CALC, "calc", "calculator"},
    {KEY_SETUP, "setup", ""},
    {KEY_SLEEP, "sleep", "sleep"},
    {KEY_WAKEUP, "wakeup", "wake"},
    {KEY_FILE, "file", ""},
    {KEY_SENDFILE, "sendfile", ""},
    {KEY_DELETEFILE, "deletefile", ""},
    {KEY_XFER, "xfer", ""},
    {KEY_PROG1, "prog1", ""},
    {KEY_PROG2, "prog2", ""},
    {KEY_WWW, "www", ""},
    {KEY_MSDOS, "msdos", ""},
    {KEY_COFFEE, "coffee", ""},
    {KEY_ROTATE_DISPLAY, "rotate_display", ""},
    {KEY_CYCLEWINDOWS, "cyclewindows", ""},
    {KEY_MAIL, "mail", "mail"},
    {KEY_BOOKMARKS, "bookmarks", "ac_bookmarks"},
    {KEY_COMPUTER, "computer", "computer"},
    {KEY_BACK, "back", "ac_back"},
    {KEY_FORWARD, "forward", "ac_forward"},
    {KEY_CLOSECD, "closecd", ""},
    {KEY_EJECTCD, "ejectcd", ""},
    {KEY_EJECTCLOSECD, "ejectclosecd", ""},
    {KEY_NEXTSONG, "nextsong", "audionext"},
    {KEY_PLAYPAUSE, "playpause", "audioplay"},
    {KEY_PREVIOUSSONG, "previoussong", "audioprev"},
    {KEY_STOPCD, "stopcd", "audiostop"},
    {KEY_RECORD, "record", ""},
    {KEY_REWIND, "rewind", ""},
    {KEY_PHONE, "phone", ""},
    {KEY_ISO, "iso", ""},
    {KEY_CONFIG, "config", ""},
    {KEY_HOMEPAGE, "homepage", "ac_home"},
    {KEY_REFRESH, "refresh", "ac_refresh"},
    {KEY_EXIT, "exit", ""},
    {KEY_MOVE, "move", ""},
    {KEY_EDIT, "edit", ""},
    {KEY_SCROLLUP, "scrollup", ""},
    {KEY_SCROLLDOWN, "scrolldown", ""},
    {KEY_KPLEFTPAREN, "kpleftparen", ""},
    {KEY_KPRIGHTPAREN, "kprightparen", ""},
    {KEY_NEW, "new", ""},
    {KEY_REDO, "redo", ""},
    {KEY_F13, "f13", "f13"},
    {KEY_F14, "f14", "f14"},
    {KEY_F15, "f15", "f15"},
    {KEY_F16, "f16", "f16"},
    {KEY_F17, "f17", "f17"},
    {KEY_F18, "f18", "f18"},
    {KEY_F19, "f19", "f19"},
    {KEY_F20, "f20", "f20"},
    {KEY_F21, "f21", "f21"},
    {KEY_F22, "f22", "f22"},
    {KEY_F23, "f23", "f23"},
    {KEY_F24, "f24", "f24"},
    {KEY_PLAYCD, "playcd", ""},
    {KEY_PAUSECD, "pausecd", ""},
    {KEY_PROG3, "prog3", ""},
    {KEY_PROG4, "prog4", ""},
    {KEY_ALL_APPLICATIONS, "all_applications", ""},
    {KEY_SUSPEND, "suspend", ""},
    {KEY_CLOSE, "close", ""},
    {KEY_PLAY, "play", ""},
    {KEY_FASTFORWARD, "fastforward", ""},
    {KEY_BASSBOOST, "bassboost", ""},
    {KEY_PRINT, "print", ""},
    {KEY_HP, "hp", ""},
    {KEY_CAMERA, "camera", ""},
    {KEY_SOUND, "sound", ""},
    {KEY_QUESTION, "question", ""},
    {KEY_EMAIL, "email", ""},
    {KEY_CHAT, "chat", ""},
    {KEY_SEARCH, "search", ""},
    {KEY_CONNECT, "connect", ""},
    {KEY_FINANCE, "finance", ""},
    {KEY_SPORT, "sport", ""},
    {KEY_SHOP, "shop", ""},
    {KEY_ALTERASE, "alterase", ""},
    {KEY_CANCEL, "cancel", ""},
    {KEY_BRIGHTNESSDOWN, "brightnessdown", ""},
    {KEY_BRIGHTNESSUP, "brightnessup", ""},
    {KEY_MEDIA, "media", "mediaselect"},
    {KEY_SWITCHVIDEOMODE, "switchvideomode", ""},
    {KEY_KBDILLUMTOGGLE, "kbdillumtoggle", ""},
    {KEY_KBDILLUMDOWN, "kbdillumdown", ""},
    {KEY_KBDILLUMUP, "kbdillumup", ""},
    {KEY_SEND, "send", ""},
    {KEY_REPLY, "reply", ""},
    {KEY_FORWARDMAIL, "forwardmail", ""},
    {KEY_SAVE, "save", ""},
    {KEY_DOCUMENTS, "documents", ""},
    {KEY_BATTERY, "battery", ""},
    {KEY_BLUETOOTH, "bluetooth", ""},
    {KEY_WLAN, "wlan", ""},
    {KEY_UWB, "uwb", ""},
    {KEY_UNKNOWN, "unknown", ""},
    {KEY_VIDEO_NEXT, "video_next", ""},
    {KEY_VIDEO_PREV, "video_prev", ""},
    {KEY_BRIGHTNESS_CYCLE, "brightness_cycle", ""},
    {KEY_BRIGHTNESS_AUTO, "brightness_auto", ""},
    {KEY_DISPLAY_OFF, "display_off", ""},
    {KEY_WWAN, "wwan", ""},
    {KEY_RFKILL, "rfkill", ""},
    {KEY_MICMUTE, "micmute", ""},
});

struct Alias {
    std::string_view name;
    std::uint16_t code;
};

/// QEMU's second names of keys.
constexpr auto other_qcodes = std::to_array<Alias>({
    {"asterisk", KEY_KPASTERISK},
    {"sysrq", KEY_SYSRQ},
});

/// What else people say, where it is neither the kernel's name nor a qcode.
constexpr auto aliases = std::to_array<Alias>({
    {"'", KEY_APOSTROPHE},
    {"*", KEY_KPASTERISK},
    {"+", KEY_KPPLUS},
    {",", KEY_COMMA},
    {"-", KEY_MINUS},
    {".", KEY_DOT},
    {"/", KEY_SLASH},
    {";", KEY_SEMICOLON},
    {"<", KEY_102ND},
    {"=", KEY_EQUAL},
    {"[", KEY_LEFTBRACE},
    {"\\", KEY_BACKSLASH},
    {"]", KEY_RIGHTBRACE},
    {"`", KEY_GRAVE},
    {"altgr", KEY_RIGHTALT},
    {"apps", KEY_COMPOSE},
    {"backtick", KEY_GRAVE},
    {"break", KEY_PAUSE},
    {"bksp", KEY_BACKSPACE},
    {"cmd", KEY_LEFTMETA},
    {"control", KEY_LEFTCTRL},
    {"del", KEY_DELETE},
    {"eisu", KEY_HANJA},
    {"equals", KEY_EQUAL},
    {"escape", KEY_ESC},
    {"hangul", KEY_HANGEUL},
    {"ins", KEY_INSERT},
    {"kana", KEY_KATAKANAHIRAGANA},
    {"lalt", KEY_LEFTALT},
    {"lctrl", KEY_LEFTCTRL},
    {"leftsuper", KEY_LEFTMETA},
    {"leftwin", KEY_LEFTMETA},
    {"logo", KEY_LEFTMETA},
    {"lshift", KEY_LEFTSHIFT},
    {"lsuper", KEY_LEFTMETA},
    {"lwin", KEY_LEFTMETA},
    {"meta", KEY_LEFTMETA},
    {"next", KEY_NEXTSONG},
    {"option", KEY_LEFTALT},
    {"period", KEY_DOT},
    {"pgdown", KEY_PAGEDOWN},
    {"play", KEY_PLAYPAUSE},
    {"plus", KEY_KPPLUS},
    {"prev", KEY_PREVIOUSSONG},
    {"printscreen", KEY_SYSRQ},
    {"prtsc", KEY_SYSRQ},
    {"quote", KEY_APOSTROPHE},
    {"ralt", KEY_RIGHTALT},
    {"rctrl", KEY_RIGHTCTRL},
    {"return", KEY_ENTER},
    {"rightsuper", KEY_RIGHTMETA},
    {"rightwin", KEY_RIGHTMETA},
    {"rshift", KEY_RIGHTSHIFT},
    {"rsuper", KEY_RIGHTMETA},
    {"rwin", KEY_RIGHTMETA},
    {"super", KEY_LEFTMETA},
    {"win", KEY_LEFTMETA},
    {"windows", KEY_LEFTMETA},
    {"zenkaku", KEY_ZENKAKUHANKAKU},
});

const KeyEntry* find(std::uint16_t code) {
    const auto* const entry = std::lower_bound(
        table.begin(), table.end(), code,
        [](const KeyEntry& before, std::uint16_t wanted) { return before.code < wanted; });
    return entry != table.end() && entry->code == code ? &*entry : nullptr;
}

template <class Names>
std::optional<std::uint16_t> find_alias(const Names& names, std::string_view name) {
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const Alias& alias) { return alias.name == name; });
    if (found == names.end()) return std::nullopt;
    return found->code;
}

/// Not tolower(3), which depends on the locale.
std::string in_small_letters(std::string_view text) {
    std::string small{text};
    for (char& letter : small)
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    return small;
}

std::string_view without_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::span<const KeyEntry> key_table() {
    return table;
}

std::string_view qcode_of(std::uint16_t code) {
    const KeyEntry* const entry = find(code);
    return entry != nullptr ? entry->qcode : std::string_view{};
}

bool is_newer_than_qemu_7_2(std::uint16_t code) {
    return code >= KEY_F13 && code <= KEY_F24;
}

std::optional<std::uint16_t> key_of_qcode(std::string_view qcode) {
    if (qcode.empty()) return std::nullopt;
    const auto* const found = std::find_if(
        table.begin(), table.end(), [&](const KeyEntry& entry) { return entry.qcode == qcode; });
    if (found != table.end()) return found->code;
    return find_alias(other_qcodes, qcode);
}

std::optional<std::uint16_t> key_named(std::string_view name) {
    const std::string small = in_small_letters(without_blanks(name));
    std::string_view wanted = small;
    // Before the kernel's names: "print" is PrtSc, not KEY_PRINT.
    if (const auto code = key_of_qcode(wanted)) return code;
    if (const auto code = find_alias(aliases, wanted)) return code;
    if (wanted.starts_with("key_")) wanted.remove_prefix(4);
    const auto* const found = std::find_if(
        table.begin(), table.end(), [&](const KeyEntry& entry) { return entry.name == wanted; });
    if (found == table.end()) return std::nullopt;
    return found->code;
}

std::vector<std::string_view> split_chord(std::string_view text) {
    std::vector<std::string_view> names;
    text = without_blanks(text);
    for (;;) {
        // From the second character on: where a name should begin, a plus sign is one.
        const auto plus = text.find('+', text.empty() ? 0 : 1);
        names.push_back(without_blanks(text.substr(0, plus)));
        if (plus == std::string_view::npos) return names;
        text = without_blanks(text.substr(plus + 1));
    }
}

Result<std::vector<std::uint16_t>, std::string> parse_chord(std::string_view text) {
    std::vector<std::uint16_t> codes;
    for (const std::string_view name : split_chord(text)) {
        const auto code = key_named(name);
        if (!code)
            return tl::unexpected<std::string>{
                name.empty() ? fmt::format("a key's name is missing in \"{}\"", text)
                             : fmt::format("no key is called \"{}\"", name)};
        codes.push_back(*code);
    }
    return codes;
}

}  // namespace scanthru::input
