# Two components: `shared` (collector.h, collector.hpp, libcollector.so) and `static` (libcollector.a
# and engine/). Both are installed unless one is named. What is installed may be moved.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/libcollector)

foreach(component shared static)
  install(TARGETS libcollector_${component} EXPORT libcollector_${component}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
            NAMELINK_COMPONENT ${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component})
  install(EXPORT libcollector_${component} NAMESPACE libcollector::
    FILE libcollector_${component}.cmake DESTINATION ${package_dir} COMPONENT ${component})
  install(FILES include/collector/collector.h include/collector/collector.hpp
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/collector COMPONENT ${component})
endforeach()
install(DIRECTORY include/collector/engine
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/collector COMPONENT static
  FILES_MATCHING PATTERN *.hpp)

configure_package_config_file(cmake/libcollectorConfig.cmake.in libcollectorConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break what links to it.
write_basic_package_version_file(libcollectorConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# libcollector.pc finds its prefix from where it lies.
file(RELATIVE_PATH pc_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(cmake/libcollector.pc.in libcollector.pc @ONLY)
foreach(component shared static)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libcollectorConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/libcollectorConfigVersion.cmake
    DESTINATION ${package_dir} COMPONENT ${component})
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libcollector.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT shared)
