"""The job types that Corral ships: declarations and handlers apart, one module each."""
