"""What tests are built from: template repositories, answer sets, protocol-true servers."""
