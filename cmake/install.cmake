# cmake --install: libraries, headers, find_package(lanewise), pkg-config, the command with its data, documents. Nothing installed holds an
# absolute path, so that --prefix, DESTDIR and moving the tree afterwards all work. Components, for packages: core, data, dev, tools.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)
set(share_dir ${CMAKE_INSTALL_DATADIR}/lanewise)

# An export set for each target: a user of the shared library need not have what the static one links.
function(lanewise_install target name component)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS ${target} EXPORT ${name}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component} NAMELINK_COMPONENT dev
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT ${name} NAMESPACE lanewise:: DESTINATION ${cmake_dir} FILE lanewise-${name}-targets.cmake COMPONENT dev)
endfunction()

# Paths from the .pc file to the prefix: as GNUInstallDirs allows an absolute library folder, so must this.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(LANEWISE_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(LANEWISE_PC_LIBDIR ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH up /${pc_dir} /)
  string(REGEX REPLACE "(.*)/$" "\${pcfiledir}/\\1" LANEWISE_PC_PREFIX ${up})
  set(LANEWISE_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
function(lanewise_pc name)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${pc_dir} COMPONENT dev)
endfunction()

# Not as Requires.private: that would bring what only hwloc's own static library needs (libudev).
set(LANEWISE_HWLOC_MODULE "")
set(LANEWISE_PC_LIBS_PRIVATE "-lm -pthread")
if(LANEWISE_RUNTIME_LIBRARIES)
  set(LANEWISE_HWLOC_MODULE hwloc)
  string(PREPEND LANEWISE_PC_LIBS_PRIVATE "-lhwloc ")
endif()
set(headers ${PROJECT_SOURCE_DIR}/include/lanewise.h ${PROJECT_SOURCE_DIR}/include/lanewise_train.h
            ${PROJECT_SOURCE_DIR}/include/lanewise_backend.h)
lanewise_install(lanewise_shared lanewise core)
lanewise_install(lanewise_static lanewise_static dev)
# One object whose hidden names are local: a program's own ref_conv2d would otherwise take the place of ours. (The archive in the build
# folder keeps them for tests and benchmarks.)
install(CODE "set(archive \"${CMAKE_INSTALL_LIBDIR}/liblanewise.a\")
if(NOT IS_ABSOLUTE \"\${archive}\")
  set(archive \"\${CMAKE_INSTALL_PREFIX}/\${archive}\")
endif()
set(archive \"\$ENV{DESTDIR}\${archive}\")
execute_process(COMMAND \"${CMAKE_LINKER}\" -r --whole-archive \"\${archive}\" -o \"\${archive}.o\" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND \"${CMAKE_OBJCOPY}\" --localize-hidden \"\${archive}.o\" COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE \"\${archive}\")
execute_process(COMMAND \"${CMAKE_AR}\" qcs \"\${archive}\" \"\${archive}.o\" COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE \"\${archive}.o\")" COMPONENT dev)
lanewise_pc(lanewise)
if(LANEWISE_DATA)
  list(APPEND headers ${PROJECT_SOURCE_DIR}/include/lanewise_data.h)
  lanewise_install(lanewise_data_shared data data)
  lanewise_install(lanewise_data_static data_static dev)
  lanewise_pc(lanewise_data)
endif()
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lanewise-config.cmake.in lanewise-config.cmake
                              INSTALL_DESTINATION ${cmake_dir} PATH_VARS share_dir)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/lanewise-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lanewise-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/lanewise-config-version.cmake
        DESTINATION ${cmake_dir} COMPONENT dev)

# The command, trained weights and sample images.
if(LANEWISE_CLI)
  install(TARGETS lanewise_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  install(FILES ${PROJECT_SOURCE_DIR}/cli/completion.bash RENAME lanewise
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT tools)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/data/weights ${PROJECT_SOURCE_DIR}/data/samples DESTINATION ${share_dir} COMPONENT tools
        OPTIONAL)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev
        FILES_MATCHING PATTERN *.md PATTERN *.svg PATTERN mainpage.md EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev PATTERN __pycache__ EXCLUDE)
install(DIRECTORY ${PROJECT_BINARY_DIR}/docs/html DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT dev OPTIONAL) # where `docs` was made
include(${PROJECT_SOURCE_DIR}/cmake/package.cmake)
