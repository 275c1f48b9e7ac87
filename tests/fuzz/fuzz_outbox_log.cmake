target_link_libraries(${name} PRIVATE collector_net)
