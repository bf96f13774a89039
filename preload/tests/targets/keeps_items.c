/* Keeps items for clients that have logged in. Tokens and ids are new in every iteration, and nobody guesses them. With
   BUG_AT, the server aborts when an item that exists (1) or was deleted (2) is read. */
#include "target.h"

enum state { UNUSED, KEPT, DELETED };

static struct item {
    char id[17];
    enum state state;
} items[16];
static unsigned made;
static char token[17];

/* Writes 16 digits that no iteration has had before. */
static void new_name(char *name) {
    static uint64_t last;
    if (!last) last = (uint64_t)getpid() << 32;
    uint64_t mixed = ++last * 0x9e3779b97f4a7c15;
    snprintf(name, 17, "%016llx", (unsigned long long)(mixed ^ mixed >> 29));
}

static void answer(int fd, const char *head, const char *body) {
    char text[512];
    int length = snprintf(text, sizeof text, "HTTP/1.1 %sContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
    write_all(fd, text, length);
}

/* Returns the item of a path that begins with "/items/". */
static struct item *find(const char *path) {
    for (unsigned index = 0; index < 16; index++)
        if (items[index].state && !strncmp(path + 7, items[index].id, 16) && path[23] == ' ') return &items[index];
    return NULL;
}

static void log_in(int fd) {
    char head[128], body[64];
    new_name(token);
    snprintf(head, sizeof head, "200 OK\r\nSet-Cookie: session=%s; Path=/\r\n", token);
    snprintf(body, sizeof body, "{\"user\": {\"token\": \"%s\"}}", token);
    answer(fd, head, body);
}

static void create(int fd) {
    char head[128], body[64];
    struct item *item = &items[made++ % 16];
    new_name(item->id);
    item->state = KEPT;
    snprintf(head, sizeof head, "201 Created\r\nLocation: http://localhost/items/%s\r\n", item->id);
    snprintf(body, sizeof body, "{\"size\": 1, \"id\": \"%s\"}", item->id);
    answer(fd, head, body);
}

static void use(int fd, struct item *item, int is_delete) {
    if (!item) return answer(fd, "404 Not Found\r\n", "");
#ifdef BUG_AT
    if (item->state == BUG_AT && !is_delete) abort();
#endif
    if (item->state == DELETED) return answer(fd, "410 Gone\r\n", "");
    if (is_delete) item->state = DELETED;
    answer(fd, is_delete ? "204 No Content\r\n" : "200 OK\r\n", "");
}

static void serve_request(int fd, const char *request) {
    const char *path = strchr(request, ' ');
    if (!path++) return answer(fd, "400 Bad Request\r\n", "");
    int is_post = !strncmp(request, "POST ", 5);
    if (is_post && !strncmp(path, "/login", 6)) return log_in(fd);
#ifndef BUG_AT
    if (!token[0] || !strstr(request, token)) return answer(fd, "401 Unauthorized\r\n", "");
#endif
    if (is_post && !strncmp(path, "/items", 6)) return create(fd);
    if (!strncmp(path, "/items/", 7)) return use(fd, find(path), !strncmp(request, "DELETE ", 7));
    answer(fd, "404 Not Found\r\n", "");
}

int main(void) {
    int listener = listen_on(8101);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        char request[4096];
        ssize_t length;
        while ((length = read(fd, request, sizeof request - 1)) > 0) {
            request[length] = 0;
            log_first_line(request, length);
            serve_request(fd, request);
        }
        close(fd);
    }
}
