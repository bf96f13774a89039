/* Exits before it listens. */
int main(void) { return 3; }
