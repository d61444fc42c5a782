lock:
	./requirements/compile
