/* A server that speaks TLS by OpenSSL, and crashes on one character. Arguments: certificate, key. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(SSL *tls)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    char request[4096];
    size_t length = 0;
    int count;
    while (length < sizeof request - 1 && (count = SSL_read(tls, request + length, sizeof request - 1 - length)) > 0) {
        length += count;
        request[length] = 0;
        if (strchr(request, '{'))
            abort();
        if (strstr(request, "\r\n\r\n")) {
            SSL_write(tls, answer, sizeof answer - 1);
            length = 0;
        }
    }
    SSL_shutdown(tls);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 3 || SSL_CTX_use_certificate_file(context, argv[1], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
        return 2;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8))
        return 1;
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        SSL *tls = SSL_new(context);
        SSL_set_fd(tls, connection);
        if (SSL_accept(tls) == 1)
            serve(tls);
        SSL_free(tls);
        close(connection);
    }
}
