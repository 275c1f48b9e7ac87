# The simulated loop and files are net's.
target_link_libraries(test_outbox PRIVATE collector_net)
