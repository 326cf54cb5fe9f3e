# embed_texts(TARGET FUNCTION FILES...): compiles files into TARGET, so that the binary carries its migrations and
# openapi.yaml. FUNCTION, which app/embedded.h declares, gives an embedded_text for each (its name, its exact bytes).
# The files are dependencies: touching one rebuilds it.
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
