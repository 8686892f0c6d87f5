# Run by cpack on the files of each package before it is made: what Debian wants besides what cmake --install gives.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # of SOURCE_DATE_EPOCH where that is set
string(TIMESTAMP year "%Y" UTC)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component})
  set(doc ${root}/usr/share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  file(WRITE ${doc}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Lanewise

Files: *
Copyright: ${year} ${CPACK_PACKAGE_VENDOR}
License: Apache-2.0
 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.
")
  file(WRITE ${doc}/changelog "lanewise (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * See CHANGELOG.md in liblanewise-dev.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  execute_process(COMMAND gzip -9nf ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
  # The loader finds libraries in /usr/lib by itself.
  file(GLOB_RECURSE libraries ${root}/usr/lib/*.so.${CPACK_PACKAGE_VERSION})
  foreach(library IN LISTS libraries)
    file(RPATH_REMOVE FILE ${library})
  endforeach()
endforeach()
