/* What HDF5's S3 driver calls, for static linking without libcurl and libcrypto: nothing works, as if there were no
 * network. */
#include <stddef.h>

enum { failed_init = 2 };

int curl_global_init(long flags) {
  (void)flags;
  return failed_init;
}
void curl_global_cleanup(void) {}
void* curl_easy_init(void) { return NULL; }
void curl_easy_cleanup(void* handle) { (void)handle; }
int curl_easy_setopt(void* handle, int option, ...) {
  (void)handle;
  (void)option;
  return failed_init;
}
int curl_easy_perform(void* handle) {
  (void)handle;
  return failed_init;
}
void* curl_slist_append(void* list, const char* text) {
  (void)list;
  (void)text;
  return NULL;
}
void curl_slist_free_all(void* list) { (void)list; }

const void* EVP_sha256(void) { return NULL; }
unsigned char* SHA256(const unsigned char* data, size_t size, unsigned char* out) {
  (void)data;
  (void)size;
  (void)out;
  return NULL;
}
unsigned char* HMAC(const void* digest, const void* key, int key_size, const unsigned char* data, size_t size,
                    unsigned char* out, unsigned int* out_size) {
  (void)digest;
  (void)key;
  (void)key_size;
  (void)data;
  (void)size;
  (void)out;
  (void)out_size;
  return NULL;
}
