package store

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"alpr/internal/atomicfile"
	"alpr/internal/regular"
)

// CredentialName is the systemd credential that holds the device key, where
// the service is started with LoadCredentialEncrypted= (TPM).
const CredentialName = "alpr-device-key"

// Errors of the device key.
var (
	ErrKeyExposed = errors.New("others can read the device key: chmod 600 it")
	ErrKeyBad     = errors.New("not a device key: expected 64 hexadecimal digits")
	ErrKeyMissing = errors.New("the device key is missing but the store exists: restore the key, or move the store away to begin a new one")
	ErrKeyWrong   = errors.New("the store was sealed under another device key: restore that key, or move the store away to begin a new one")
)

// DeviceKey is the root of everything sealed on one vehicle computer. It is
// never used itself; every use has a key derived from it (HKDF-SHA256, RFC 5869).
type DeviceKey struct{ secret []byte }

// LoadDeviceKey reads the device key from systemd's credentials folder, where
// $CREDENTIALS_DIRECTORY has it, or else from path. Where neither is there, a
// credential of another name that holds a device key counts; then the key is
// created at path unless mustExist is set. The file must be readable by its owner
// alone.
func LoadDeviceKey(path string, mustExist bool) (*DeviceKey, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		cred := filepath.Join(dir, CredentialName)
		text, err := regular.ReadFile(cred)
		if err == nil {
			return parseDeviceKey(cred, text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read device key: %w", err)
		}
	}
	if err := regular.Check(path); errors.Is(err, regular.ErrKind) {
		return nil, fmt.Errorf("read device key: %w", err)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if key := otherCredential(); key != nil {
			return key, nil
		}
		if mustExist {
			return nil, fmt.Errorf("read device key %s: %w", path, ErrKeyMissing)
		}
		return createDeviceKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read device key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read device key %s (mode %#o): %w", path, info.Mode().Perm(), ErrKeyExposed)
	}
	text, err := regular.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read device key: %w", err)
	}
	return parseDeviceKey(path, text)
}

// otherCredential is a device key that the service manager hands over under
// another name. Where there is no key file, it is what its owner meant: a plain
// key made beside the store would take its place unsaid.
func otherCredential() *DeviceKey {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || info.Size() > maxKeyFile {
			continue
		}
		if text, err := regular.ReadFile(path); err == nil {
			if key, err := parseDeviceKey(path, text); err == nil {
				return key
			}
		}
	}
	return nil
}

// maxKeyFile bounds what may be a device key: its digits and some white space.
const maxKeyFile = 128

func parseDeviceKey(path string, text []byte) (*DeviceKey, error) {
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("read device key %s: %w", path, ErrKeyBad)
	}
	return newDeviceKey(secret), nil
}

// createDeviceKey writes a new key so that it is whole and durable, or not
// there at all: nothing may be sealed under a key that a power cut takes away.
func createDeviceKey(path string) (*DeviceKey, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	err := writeDeviceKey(path, secret)
	if errors.Is(err, fs.ErrExist) {
		return LoadDeviceKey(path, true)
	}
	if err != nil {
		return nil, fmt.Errorf("create device key %s: %w", path, err)
	}
	return newDeviceKey(secret), nil
}

// writeDeviceKey never replaces a key that is there.
func writeDeviceKey(path string, secret []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	return atomicfile.Create(path, []byte(hex.EncodeToString(secret)+"\n"), 0o600)
}

// derive makes the 32-byte key for one purpose.
func (k *DeviceKey) derive(purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, k.secret, nil, "alpr "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", purpose, err)
	}
	return key, nil
}

// ID names the key without telling anything about it.
func (k *DeviceKey) ID() (string, error) {
	b, err := k.derive("key id")
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:8]), nil
}

// auditKey is the Ed25519 key (FIPS 186-5) that signs the audit log.
func (k *DeviceKey) auditKey() (ed25519.PrivateKey, error) {
	seed, err := k.derive("audit signature")
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
