# embed_texts(TARGET HEADER_NAME FILES...): compiles text files into TARGET.
# Each file becomes one entry of `embedded_texts` (name = file name, text = its exact bytes), so that the
# binary carries its migrations and openapi.yaml. The files are dependencies: touching one rebuilds it.
function(embed_texts target symbol)
    set(out "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cpp")
    add_custom_command(
        OUTPUT "${out}"
        COMMAND ${CMAKE_COMMAND} "-DOUT=${out}" "-DSYMBOL=${symbol}" "-DFILES=${ARGN}"
                -P "${CMAKE_SOURCE_DIR}/service/embed_write.cmake"
        DEPENDS ${ARGN} "${CMAKE_SOURCE_DIR}/service/embed_write.cmake"
        VERBATIM)
    target_sources(${target} PRIVATE "${out}")
endfunction()
