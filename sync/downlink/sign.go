package downlink

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind says what a statement is, and so which scope its key needs.
type Kind string

// The kinds of statement, which are also the scopes of keys.
const (
	KindHotlist Kind = "hotlist"
	KindImage   Kind = "image"
	KindPolicy  Kind = "policy"
	KindKeys    Kind = "keys"
	KindReceipt Kind = "receipt"
)

// Kinds lists every kind of statement.
func Kinds() []Kind { return []Kind{KindHotlist, KindImage, KindPolicy, KindKeys, KindReceipt} }

// MaxStatement is the most bytes a statement may have.
const MaxStatement = 1 << 20

// Why a statement is refused.
var (
	ErrBadStatement = errors.New("not a signed statement")
	ErrUnknownKey   = errors.New("signed with a key that is not trusted here")
	ErrBadScope     = errors.New("signed with a key that may not sign this")
	ErrBadSignature = errors.New("signature does not match")
	ErrOlder        = errors.New("older than what is in use")
	ErrNotForUs     = errors.New("made for another agency or vehicle")
)

// Statement is a signed message.
type Statement struct {
	Kind      Kind   `json:"kind"`
	Payload   []byte `json:"payload"` // JSON, base64 here so that every byte of it is what was signed
	Key       string `json:"key"`     // name of the key
	Signature []byte `json:"signature"`
}

// signed is the bytes a signature covers: a context that no other protocol
// uses, the kind, and the payload.
func signed(kind Kind, payload []byte) []byte {
	return append([]byte("alpr downlink v1\n"+string(kind)+"\n"), payload...)
}

// Sign makes a statement of v. key is the name that vehicles know private's
// public half by.
func Sign(kind Kind, v any, key string, private ed25519.PrivateKey) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s statement: %w", kind, err)
	}
	st := Statement{Kind: kind, Payload: payload, Key: key, Signature: ed25519.Sign(private, signed(kind, payload))}
	out, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("encode %s statement: %w", kind, err)
	}
	return out, nil
}

// Key is one trusted public key.
type Key struct {
	Name   string            `json:"name"`
	Scopes []Kind            `json:"scopes"`
	Public ed25519.PublicKey `json:"public"`
}

// ParseKey reads "name:scope[,scope]:base64".
func ParseKey(text string) (Key, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 || parts[0] == "" {
		return Key{}, fmt.Errorf("trusted key %q is not name:scope[,scope]:base64", text)
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return Key{}, fmt.Errorf("trusted key %q: %w", parts[0], err)
	}
	k := Key{Name: parts[0], Public: raw}
	for s := range strings.SplitSeq(parts[1], ",") {
		k.Scopes = append(k.Scopes, Kind(s))
	}
	return k, k.check()
}

// String is the form that ParseKey reads.
func (k Key) String() string {
	scopes := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		scopes[i] = string(s)
	}
	return k.Name + ":" + strings.Join(scopes, ",") + ":" + base64.StdEncoding.EncodeToString(k.Public)
}

func (k Key) check() error {
	if len(k.Public) != ed25519.PublicKeySize {
		return fmt.Errorf("trusted key %q is %d bytes, not %d", k.Name, len(k.Public), ed25519.PublicKeySize)
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Kinds(), s) {
			return fmt.Errorf("trusted key %q: scope %q is not one of %v", k.Name, s, Kinds())
		}
	}
	return nil
}

// KeyChange is the payload of a keys statement. Changes are cumulative: the
// newest says everything that differs from the vehicle's configuration.
type KeyChange struct {
	Agency  string   `json:"agency"`
	Version uint64   `json:"version"`
	Add     []Key    `json:"add"`
	Revoke  []string `json:"revoke"` // names
}

// Ring is the keys a vehicle trusts. It is not for concurrent use.
type Ring struct {
	base   []Key
	change KeyChange
	keys   map[string]Key
}

// NewRing trusts the keys of the configuration.
func NewRing(base []Key) (*Ring, error) {
	seen := map[string]bool{}
	for _, k := range base {
		if err := k.check(); err != nil {
			return nil, err
		}
		if seen[k.Name] {
			return nil, fmt.Errorf("trusted key %q is named twice", k.Name)
		}
		seen[k.Name] = true
	}
	r := &Ring{base: base}
	r.rebuild()
	return r, nil
}

func (r *Ring) rebuild() {
	r.keys = map[string]Key{}
	for _, k := range append(slices.Clone(r.base), r.change.Add...) {
		if _, taken := r.keys[k.Name]; !taken {
			r.keys[k.Name] = k
		}
	}
	for _, name := range r.change.Revoke {
		delete(r.keys, name)
	}
}

// Open checks a statement of the given kind and decodes its payload into v.
func (r *Ring) Open(raw []byte, kind Kind, v any) (key string, err error) {
	if len(raw) > MaxStatement {
		return "", fmt.Errorf("%w: %d bytes, more than %d", ErrBadStatement, len(raw), MaxStatement)
	}
	var st Statement
	if err := json.Unmarshal(raw, &st); err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadStatement, err)
	}
	k, ok := r.keys[st.Key]
	switch {
	case st.Kind != kind:
		return st.Key, fmt.Errorf("%w: it is a %q statement, not %q", ErrBadStatement, st.Kind, kind)
	case !ok:
		return st.Key, fmt.Errorf("%w: %q", ErrUnknownKey, st.Key)
	case !slices.Contains(k.Scopes, kind):
		return st.Key, fmt.Errorf("%w: %q has scopes %v", ErrBadScope, st.Key, k.Scopes)
	case !ed25519.Verify(k.Public, signed(kind, st.Payload), st.Signature):
		return st.Key, fmt.Errorf("%w: key %q", ErrBadSignature, st.Key)
	}
	if err := json.Unmarshal(st.Payload, v); err != nil {
		return st.Key, fmt.Errorf("%w: payload: %w", ErrBadStatement, err)
	}
	return st.Key, nil
}

// Rotate takes a keys statement in. It refuses one that is not newer, and one
// that would leave no key to sign the next change with.
func (r *Ring) Rotate(raw []byte, agency string) (KeyChange, error) {
	var c KeyChange
	if _, err := r.Open(raw, KindKeys, &c); err != nil {
		return c, err
	}
	if c.Agency != agency {
		return c, fmt.Errorf("%w: agency %q", ErrNotForUs, c.Agency)
	}
	if c.Version <= r.change.Version {
		return c, fmt.Errorf("%w: keys version %d, in use %d", ErrOlder, c.Version, r.change.Version)
	}
	if err := checkVersion(c.Version); err != nil {
		return c, err
	}
	for _, k := range c.Add {
		if err := k.check(); err != nil {
			return c, err
		}
	}
	before := r.change
	r.change = c
	r.rebuild()
	for _, k := range r.keys {
		if slices.Contains(k.Scopes, KindKeys) {
			return c, nil
		}
	}
	r.change = before
	r.rebuild()
	return c, fmt.Errorf("%w: it would leave no key with scope %q", ErrBadStatement, KindKeys)
}

// Names lists the trusted keys, sorted.
func (r *Ring) Names() []string {
	var names []string
	for n := range r.keys {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
