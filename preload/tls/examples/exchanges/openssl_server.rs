//! Server of OpenSSL, by the library that the system has: nothing needs its headers.

use std::ffi::{c_int, c_long, c_void};

use libloading::{Error, Library};

use crate::{Certificate, Context, Server};

/// `EVP_PKEY_EC` (openssl/evp.h).
const EC_KEY: c_int = 408;

/// Any object of OpenSSL.
type Object = *mut c_void;

/// Function of an object, of bytes and their number. Returns the number of bytes that it has taken or given.
type BytesFunction = unsafe extern "C" fn(Object, *mut u8, c_int) -> c_int;

/// Functions of OpenSSL that connections need (SSL_new(3), BIO_s_mem(3)).
struct Functions {
    new: unsafe extern "C" fn(Object) -> Object,
    free: unsafe extern "C" fn(Object),
    set_accept_state: unsafe extern "C" fn(Object),
    set_bio: unsafe extern "C" fn(Object, Object, Object),
    read: BytesFunction,
    write: BytesFunction,
    memory: unsafe extern "C" fn() -> Object,
    bio_new: unsafe extern "C" fn(Object) -> Object,
    bio_read: BytesFunction,
    bio_write: BytesFunction,
}

/// Context of OpenSSL. It lives as long as the process.
pub(crate) struct OpensslContext {
    context: Object,
    functions: Functions,
    _libraries: [Library; 2],
}

struct OpensslServer<'a> {
    functions: &'a Functions,
    connection: Object,
    /// Buffers of records to read, and of those to send; the connection owns both.
    incoming: Object,
    outgoing: Object,
    received: usize,
}

impl OpensslContext {
    pub(crate) fn new(certificate: &Certificate) -> Result<Self, Error> {
        let Certificate { certificate, key } = certificate;
        // SAFETY: the functions have these types (SSL_CTX_new(3), SSL_CTX_use_certificate(3)), and the slices are valid.
        unsafe {
            let (ssl, crypto) = (Library::new("libssl.so.3")?, Library::new("libcrypto.so.3")?);
            let functions = Functions {
                new: *ssl.get("SSL_new")?,
                free: *ssl.get("SSL_free")?,
                set_accept_state: *ssl.get("SSL_set_accept_state")?,
                set_bio: *ssl.get("SSL_set_bio")?,
                read: *ssl.get("SSL_read")?,
                write: *ssl.get("SSL_write")?,
                memory: *crypto.get("BIO_s_mem")?,
                bio_new: *crypto.get("BIO_new")?,
                bio_read: *crypto.get("BIO_read")?,
                bio_write: *crypto.get("BIO_write")?,
            };
            type UseCertificate = unsafe extern "C" fn(Object, c_int, *const u8) -> c_int;
            type UseKey = unsafe extern "C" fn(c_int, Object, *const u8, c_long) -> c_int;
            let method = ssl.get::<unsafe extern "C" fn() -> Object>("TLS_server_method")?();
            let context = ssl.get::<unsafe extern "C" fn(Object) -> Object>("SSL_CTX_new")?(method);
            let use_certificate = ssl.get::<UseCertificate>("SSL_CTX_use_certificate_ASN1")?;
            assert_eq!(use_certificate(context, certificate.len() as c_int, certificate.as_ptr()), 1);
            let use_key = ssl.get::<UseKey>("SSL_CTX_use_PrivateKey_ASN1")?;
            assert_eq!(use_key(EC_KEY, context, key.as_ptr(), key.len() as c_long), 1);
            Ok(Self { context, functions, _libraries: [ssl, crypto] })
        }
    }
}

impl Context for OpensslContext {
    fn accept(&self) -> Box<dyn Server + '_> {
        let functions = &self.functions;
        // SAFETY: the context is valid; the new connection owns the buffers.
        unsafe {
            let connection = (functions.new)(self.context);
            let [incoming, outgoing] = [(); 2].map(|()| (functions.bio_new)((functions.memory)()));
            (functions.set_accept_state)(connection);
            (functions.set_bio)(connection, incoming, outgoing);
            Box::new(OpensslServer { functions, connection, incoming, outgoing, received: 0 })
        }
    }
}

impl Server for OpensslServer<'_> {
    fn receive(&mut self, records: &[u8]) {
        if !records.is_empty() {
            let (start, len) = (records.as_ptr().cast_mut(), records.len() as c_int);
            // SAFETY: the buffer of OpenSSL is valid, and only reads the slice.
            assert_eq!(unsafe { (self.functions.bio_write)(self.incoming, start, len) }, len);
        }
    }

    fn received(&mut self) -> usize {
        // Without a whole record, the call shakes hands.
        self.received += take(self.functions.read, self.connection).len();
        self.received
    }

    fn answer(&mut self, answer: &[u8]) {
        let (start, len) = (answer.as_ptr().cast_mut(), answer.len() as c_int);
        // SAFETY: the connection is valid, and only reads the slice.
        assert_eq!(unsafe { (self.functions.write)(self.connection, start, len) }, len);
    }

    fn send(&mut self, records: &mut Vec<u8>) {
        records.extend_from_slice(&take(self.functions.bio_read, self.outgoing));
    }
}

/// Takes all that an object has, by its function.
fn take(read: BytesFunction, object: Object) -> Vec<u8> {
    const SIZE: usize = 4096;
    let (mut taken, mut part) = (Vec::new(), [0; SIZE]);
    // SAFETY: the object is valid, and the array has as many bytes.
    while let Ok(len @ 1..) = usize::try_from(unsafe { read(object, part.as_mut_ptr(), SIZE as c_int) }) {
        taken.extend_from_slice(&part[..len]);
    }
    taken
}

impl Drop for OpensslServer<'_> {
    fn drop(&mut self) {
        // SAFETY: nothing uses the connection any more; its buffers are freed with it.
        unsafe { (self.functions.free)(self.connection) }
    }
}
