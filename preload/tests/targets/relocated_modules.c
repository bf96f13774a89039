/* Loads a module by a path that does not exist, and one by its name, which the loader finds only if it knows the caller:
   in the directory that the program's DT_RUNPATH names. */
#include "relocated.h"
#include <dlfcn.h>

int main(void) {
    int listener = listen_on(8101);
    void *module = dlopen(SERVER "/lib/module.so", RTLD_NOW), *other = dlmopen(LM_ID_BASE, SERVER "/lib/module.so", RTLD_NOW);
    if (!module) dprintf(2, "%s\n", dlerror());
    CHECK(module && module == other && dlopen("module.so", RTLD_NOW) == module);
    int (*number)(void) = (int (*)(void))dlsym(module, "number");
    CHECK(number && number() == 23);
    CHECK(!dlopen(SERVER "/lib/missing.so", RTLD_NOW) && !dlopen("missing.so", RTLD_NOW));
    CHECK(dlopen(NULL, RTLD_NOW) && dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD));
    for (;;) serve(accept(listener, NULL, NULL));
}
