/* Server on libmicrohttpd, to be fuzzed.  It has each of the library's polling modes, and its parsers for
 * queries, cookies, forms and credentials.  Usage: server select|poll|epoll|threads PORT [CERTIFICATES] */

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* State of a request between two calls of its handler. */
struct request {
    struct MHD_PostProcessor *form;
    size_t body;
    unsigned fields;
};

static enum MHD_Result count_pair(void *count, enum MHD_ValueKind kind, const char *key, const char *value)
{
    (void)kind, (void)key;
    *(unsigned *)count += 1 + (value != NULL);
    return MHD_YES;
}

static enum MHD_Result take_field(void *request, enum MHD_ValueKind kind, const char *key, const char *file,
                                  const char *type, const char *coding, const char *data, uint64_t offset,
                                  size_t size)
{
    (void)kind, (void)key, (void)file, (void)type, (void)coding, (void)data, (void)size;
    ((struct request *)request)->fields += offset == 0;
    return MHD_YES;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse(struct MHD_Connection *connection)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result queued = MHD_queue_basic_auth_fail_response(connection, "private", response);
    MHD_destroy_response(response);
    return queued;
}

static int may_enter(struct MHD_Connection *connection)
{
    char *password = NULL, *user = MHD_basic_auth_get_username_password(connection, &password);
    int may = user && password && !strcmp(user, "fuzz") && !strcmp(password, "fuzz");
    MHD_free(user);
    MHD_free(password);
    return may;
}

static enum MHD_Result handle(void *nothing, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data, size_t *size,
                              void **state)
{
    struct request *request = *state;
    (void)nothing;
    if (!request) {
        request = *state = calloc(1, sizeof *request);
        if (!request)
            return MHD_NO;
        request->form = MHD_create_post_processor(connection, 1024, take_field, request);
        return MHD_YES;
    }
    if (*size) {
        request->body += *size;
        if (request->form)
            MHD_post_process(request->form, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (!strncmp(url, "/private", 8) && !may_enter(connection))
        return refuse(connection);

    unsigned pairs = 0;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND | MHD_COOKIE_KIND | MHD_HEADER_KIND, count_pair,
                              &pairs);
    const char *name = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "name");
    char text[1024];
    snprintf(text, sizeof text, "%.20s %.500s %.20s\n%u pairs, name %.100s, %zu bytes, %u fields\n", method, url,
             version, pairs, name ? name : "none", request->body, request->fields);
    return send_text(connection, strncmp(url, "/absent", 7) ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, text);
}

static void forget(void *nothing, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct request *request = *state;
    (void)nothing, (void)connection, (void)why;
    if (request && request->form)
        MHD_destroy_post_processor(request->form);
    free(request);
}

/* Reads a file of a directory into a string, or exits. */
static char *read_file(const char *directory, const char *name)
{
    static const size_t limit = 16 * 1024;
    char path[4096], *content = calloc(1, limit + 1);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (!content || !file || !fread(content, 1, limit, file)) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return content;
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        unsigned flags;
    } ways[] = {
        {"select", MHD_USE_INTERNAL_POLLING_THREAD},
        {"poll", MHD_USE_POLL_INTERNAL_THREAD},
        {"epoll", MHD_USE_EPOLL_INTERNAL_THREAD},
        {"threads", MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL_INTERNAL_THREAD},
    };
    /* The end of the list is where its first option would be if there are no certificates. */
    struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_ERROR_LOG;
    if (count == 4) {
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, read_file(words[3], "server.crt")};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, read_file(words[3], "server.key")};
    }
    for (size_t way = 0; (count == 3 || count == 4) && way < sizeof ways / sizeof *ways; way++) {
        if (strcmp(words[1], ways[way].name))
            continue;
        if (!MHD_start_daemon(ways[way].flags | flags, atoi(words[2]), NULL, NULL, handle, NULL,
                              MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_CONNECTION_TIMEOUT, 5u,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(32 * 1024), MHD_OPTION_ARRAY, tls,
                              MHD_OPTION_END)) {
            fprintf(stderr, "cannot listen on port %s\n", words[2]);
            return 1;
        }
        for (;;)
            pause();
    }
    fprintf(stderr, "usage: %s select|poll|epoll|threads PORT [CERTIFICATES]\n", words[0]);
    return 2;
}
