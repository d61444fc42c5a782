"""For tests, of Corral and of those who build on it: a store in memory and the suite that holds it to the real one."""
