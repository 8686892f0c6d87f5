# cpack: Debian packages liblanewise0 and liblanewise-data0 (the shared libraries), liblanewise-dev, lanewise (the command and its data).
# Preset `deb` configures for /usr and so for Debian's library folder of the architecture. DEBFULLNAME and DEBEMAIL name the maintainer, as
# Debian's own tools have it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lanewise)
set(CPACK_PACKAGE_VENDOR "The Lanewise authors")
set(CPACK_PACKAGE_CONTACT "${CPACK_PACKAGE_VENDOR} <root@localhost>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL "")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib) # for liblanewise.so.0 itself, a dependency stated below
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package-files.cmake)

macro(lanewise_package component package section summary text)
  string(TOUPPER ${component} upper)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}
Lanewise computes convolution, pooling, activations and whole networks
with AVX2, AVX-512 or NEON, chosen at run time, and returns the same bits
on every instruction set and thread count.
.
${text}")
endmacro()
set(core liblanewise${PROJECT_VERSION_MAJOR})
set(data liblanewise-data${PROJECT_VERSION_MAJOR})
file(WRITE ${PROJECT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")

lanewise_package(core ${core} libs "operators of convolutional networks" "This package has the shared library.")
set(CPACK_DEBIAN_CORE_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/triggers)
set(dev_depends "${core} (= ${PROJECT_VERSION})")
if(LANEWISE_HWLOC_MODULE)
  string(APPEND dev_depends ", libhwloc-dev")
endif()
if(LANEWISE_DATA)
  lanewise_package(data ${data} libs "images, weights and data sets for Lanewise"
                   "This package has the shared library that reads images, safetensors weights\nand data sets.")
  set(CPACK_DEBIAN_DATA_PACKAGE_DEPENDS "${core} (>= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_DATA_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/triggers)
  string(APPEND dev_depends ", ${data} (= ${PROJECT_VERSION}), libpng-dev, libjpeg-dev, zlib1g-dev, libjansson-dev")
endif()
lanewise_package(dev liblanewise-dev libdevel "operators of convolutional networks (development files)"
                 "This package has headers, static libraries, CMake and pkg-config files,\ndocumentation and examples.")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS ${dev_depends})
if(LANEWISE_CLI)
  lanewise_package(tools lanewise science "operators of convolutional networks (command)"
                   "This package has the lanewise command, weights and sample images.")
endif()
include(CPack)
