# Writes OUT: a C++ source that defines `SYMBOL`, the embedded texts of FILES. String literals are split
# because a compiler may cap the length of one; hex escapes keep every byte.
set(body "#include \"app/embedded.h\"\n\nnamespace checkout {\n\nnamespace {\n")
set(entries "")
set(n 0)
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND body "constexpr unsigned char file_${n}[] = {${bytes}0};\n")
    string(APPEND entries
        "        {\"${name}\", {reinterpret_cast<const char*>(file_${n}), sizeof file_${n} - 1}},\n")
    math(EXPR n "${n} + 1")
endforeach()
string(APPEND body "} // namespace\n\nstd::span<const embedded_text> ${SYMBOL}() {\n")
string(APPEND body "    static const embedded_text texts[] = {\n${entries}    };\n    return texts;\n}\n\n")
string(APPEND body "} // namespace checkout\n")
file(WRITE "${OUT}" "${body}")
