"""The way out by name and certificate, though an address was dialled."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenants import outbound
from tests.tenants.ways_out import why


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server with a certificate for a name, which the service takes for good; what it heard."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setattr(outbound, "_TLS", ssl.create_default_context(cafile=str(certificate)))
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, private)
    asked, heard = [], []
    server_side.sni_callback = lambda _socket, name, _context: asked.append(name)
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                plain, _address = server.accept()
                with server_side.wrap_socket(plain, server_side=True) as connection:
                    heard.append(b"")
                    while not heard[-1].endswith(b"{}"):
                        heard[-1] += connection.recv(65536)
                    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except ssl.SSLError:
                continue
            except OSError:
                return

    Thread(target=serve, daemon=True).start()

    def connect(address, timeout):
        sock = socket.socket()
        sock.settimeout(timeout)
        sock.connect(server.getsockname())
        return sock

    monkeypatch.setattr(socket, "create_connection", connect)
    yield asked, heard
    server.close()


def test_the_name_stands_in_the_request_and_in_the_certificate_though_the_address_was_dialled(certified, leads_to):
    asked, heard = certified
    leads_to(["1.1.1.1"])
    assert outbound.post("https://hooks.example/in?a=b", body=b"{}", headers={}).status == 200
    assert asked == ["hooks.example"]
    assert b"POST /in?a=b HTTP/1.1" in heard[0]
    assert b"Host: hooks.example\r\n" in heard[0]


def test_a_certificate_of_another_name_is_refused(certified, leads_to):
    leads_to(["1.1.1.1"])
    assert why("https://other.example/") == "tls_failed"
