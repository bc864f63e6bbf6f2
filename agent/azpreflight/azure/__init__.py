"""What is known of the platform and its agents: endpoints, wire server, IMDS, goal state, log signatures."""
