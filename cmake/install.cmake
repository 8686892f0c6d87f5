# cmake --install: libraries, header, find_package(lanewise), pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set_target_properties(lanewise_static PROPERTIES EXPORT_NAME lanewise_static)
set_target_properties(lanewise_shared PROPERTIES EXPORT_NAME lanewise)
install(TARGETS lanewise_shared lanewise_static EXPORT lanewise
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/lanewise.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT lanewise NAMESPACE lanewise:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise FILE lanewise-targets.cmake)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lanewise-config.cmake.in lanewise-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)
write_basic_package_version_file(lanewise-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lanewise-config.cmake ${PROJECT_BINARY_DIR}/lanewise-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lanewise)
# Relative, so that cmake --install --prefix and DESTDIR leave a file that works.
file(RELATIVE_PATH LANEWISE_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/lanewise.pc.in lanewise.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lanewise.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
