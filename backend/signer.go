package backend

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
	"alpr/sync/downlink"
	"alpr/sync/event"
)

// Signer signs what vehicles are told. Name is what vehicles know its public
// key by.
type Signer struct {
	Name    string
	Private ed25519.PrivateKey
}

// NewSigner makes a key pair.
func NewSigner(name string) (Signer, error) {
	if err := event.CheckName(name); err != nil {
		return Signer{}, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Signer{}, fmt.Errorf("make key: %w", err)
	}
	return Signer{Name: name, Private: private}, nil
}

// Public is the key as vehicles trust it, for the given scopes.
func (s Signer) Public(scopes ...downlink.Kind) downlink.Key {
	return downlink.Key{Name: s.Name, Scopes: scopes, Public: s.Private.Public().(ed25519.PublicKey)}
}

// Save writes the private key to a new file that only its owner can read.
func (s Signer) Save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(s.Private)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Name": s.Name}, Bytes: der})
	if err := atomicfile.Create(path, text, 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

// LoadSigner reads what Save wrote.
func LoadSigner(path string) (Signer, error) {
	b, err := regular.ReadFile(path)
	if err != nil {
		return Signer{}, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return Signer{}, fmt.Errorf("read key %s: no PEM in it; make one with \"alpr-backend keygen\"", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Signer{}, fmt.Errorf("read key %s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok || block.Headers["Name"] == "" {
		return Signer{}, fmt.Errorf("read key %s: not a named Ed25519 key; make one with \"alpr-backend keygen\"", path)
	}
	return Signer{Name: block.Headers["Name"], Private: private}, nil
}
