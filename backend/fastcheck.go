package backend

import (
	"bytes"
	"math/bits"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"alpr/sync/event"
)

// check is a schema made ready to be held against JSON as it stands, without
// decoding it. Its yes is the schema's yes; its no means only that the full
// validator must be asked: what it does not understand it refuses. Bad events
// are rare, and need the full validator's words anyway.
type check struct {
	isUnknown  bool // a keyword that is not understood here
	types      jsonType
	props      map[string]property
	required   uint64 // by index of property
	additional *check // nil: anything
	items      *check
	minItems   int
	maxItems   int // -1: no limit
	values     []string
	min, max   *float64
	minLength  int
	pattern    *regexp.Regexp
	format     string
	anyOf      []*check
	allOf      []*check
	then       *check // where "if" holds
	isClosed   bool   // names that the schema does not know are left to the full validator
}

type property struct {
	index int
	check *check
}

type jsonType uint8

const (
	typeNull jsonType = 1 << iota
	typeBoolean
	typeInteger
	typeNumber
	typeString
	typeArray
	typeObject
)

// fastChecks are the checks of events by their type.
type fastChecks struct {
	counted, other *check // of the envelope: of types that carry a number, and of the others
	data           map[string]*check
}

func newFastChecks() (*fastChecks, error) {
	c := &compiler{done: map[string]*check{}}
	envelope, err := c.file("envelope.json")
	if err != nil {
		return nil, err
	}
	f := &fastChecks{data: map[string]*check{}}
	// "if" asks for the type, which is known by then, and "then" for numbers.
	counted, other := *envelope, *envelope
	counted.isClosed, other.isClosed = true, true
	if envelope.then == nil {
		counted.isUnknown = true
	} else {
		counted.allOf, counted.then, other.then = append(counted.allOf, envelope.then), nil, nil
	}
	f.counted, f.other = &counted, &other
	for _, typ := range event.Types() {
		if f.data[typ], err = c.file(event.SchemaFile(typ)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// accept says whether the event, which raw holds and e was decoded from, is what
// the schema wants. No means that the full validator must be asked.
func (f *fastChecks) accept(raw []byte, e *event.Event) bool {
	data, isKnown := f.data[e.Type]
	if !isKnown || len(e.Data) == 0 {
		return false
	}
	envelope := f.counted
	if !event.IsCounted(e.Type) {
		envelope = f.other
	}
	if _, ok := envelope.matches(raw, skipSpace(raw, 0)); !ok {
		return false
	}
	_, ok := data.matches(e.Data, skipSpace(e.Data, 0))
	return ok
}

// matches holds the value that begins at b[i] against the schema, and says where
// it ends. b is valid JSON.
func (k *check) matches(b []byte, i int) (end int, ok bool) {
	if k.isUnknown || k.then != nil {
		return 0, false
	}
	for _, all := range k.allOf {
		if _, ok := all.matches(b, i); !ok {
			return 0, false
		}
	}
	if len(k.anyOf) > 0 && !k.matchesAny(b, i) {
		return 0, false
	}
	switch c := b[i]; c {
	case '{':
		return k.object(b, i)
	case '[':
		return k.array(b, i)
	case '"':
		return k.text(b, i)
	case 'n':
		return i + len("null"), k.allows(typeNull) && k.values == nil
	case 't':
		return i + len("true"), k.allows(typeBoolean) && k.values == nil
	case 'f':
		return i + len("false"), k.allows(typeBoolean) && k.values == nil
	}
	return k.number(b, i)
}

func (k *check) matchesAny(b []byte, i int) bool {
	for _, one := range k.anyOf {
		if _, ok := one.matches(b, i); ok {
			return true
		}
	}
	return false
}

func (k *check) allows(t jsonType) bool { return k.types == 0 || k.types&t != 0 }

func (k *check) object(b []byte, i int) (int, bool) {
	if !k.allows(typeObject) || k.values != nil {
		return 0, false
	}
	var seen uint64
	for i = skipSpace(b, i+1); b[i] != '}'; {
		nameEnd := skipString(b, i)
		name := b[i+1 : nameEnd-1]
		i = skipSpace(b, skipSpace(b, nameEnd)+1) // past the colon
		if bytes.IndexByte(name, '\\') >= 0 {
			return 0, false
		}
		p, isKnown := k.props[string(name)]
		ok := true
		switch {
		case isKnown && seen&(1<<p.index) != 0: // twice the same name: readers differ on which counts
			return 0, false
		case isKnown:
			seen |= 1 << p.index
			i, ok = p.check.matches(b, i)
		case k.additional != nil:
			i, ok = k.additional.matches(b, i)
		case k.isClosed:
			return 0, false
		default:
			i = skipValue(b, i)
		}
		if !ok {
			return 0, false
		}
		if i = skipSpace(b, i); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return i + 1, bits.OnesCount64(k.required&^seen) == 0
}

func (k *check) array(b []byte, i int) (int, bool) {
	if !k.allows(typeArray) || k.values != nil {
		return 0, false
	}
	n := 0
	for i = skipSpace(b, i+1); b[i] != ']'; n++ {
		if k.items == nil {
			i = skipValue(b, i)
		} else {
			var ok bool
			if i, ok = k.items.matches(b, i); !ok {
				return 0, false
			}
		}
		if i = skipSpace(b, i); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return i + 1, n >= k.minItems && (k.maxItems < 0 || n <= k.maxItems)
}

func (k *check) text(b []byte, i int) (int, bool) {
	end := skipString(b, i)
	s := b[i+1 : end-1]
	isPlain := k.values == nil && k.pattern == nil && k.format == "" && k.minLength <= 1
	switch {
	case !k.allows(typeString) || len(s) < k.minLength:
		return 0, false
	case isPlain:
		return end, true
	case bytes.IndexByte(s, '\\') >= 0, k.minLength > 1 && utf8.RuneCount(s) < k.minLength:
		return 0, false
	case k.pattern != nil && !k.pattern.Match(s):
		return 0, false
	case k.format == "date-time" && !isDateTime(s),
		k.format == "uri" && !isSchemaAddress(s),
		k.format != "" && k.format != "date-time" && k.format != "uri":
		return 0, false
	case k.values == nil:
		return end, true
	}
	for _, v := range k.values {
		if string(s) == v {
			return end, true
		}
	}
	return 0, false
}

// number compares as float64. Where the text has more digits than that holds, a
// number at the bound may be beyond it, and is left to the full validator.
func (k *check) number(b []byte, i int) (int, bool) {
	end := skipNumber(b, i)
	s := b[i:end]
	isInteger := !bytes.ContainsAny(s, ".eE")
	if k.values != nil || !k.allows(typeNumber) && !(isInteger && k.allows(typeInteger)) {
		return 0, false
	}
	if k.min == nil && k.max == nil {
		return end, true
	}
	v, err := strconv.ParseFloat(string(s), 64)
	if err != nil {
		return 0, false
	}
	isExact := len(s) <= 15
	aboveMin := k.min == nil || v > *k.min || v == *k.min && isExact
	belowMax := k.max == nil || v < *k.max || v == *k.max && isExact
	return end, aboveMin && belowMax
}

// isDateTime says whether s is a time as vehicles write it: RFC 3339 in capitals,
// without leap seconds.
func isDateTime(s []byte) bool {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' || s[13] != ':' || bytes.IndexByte(s, ',') >= 0 {
		return false
	}
	if n := len(s); s[n-1] != 'Z' && (n < 25 || s[n-6] != '+' && s[n-6] != '-' || s[n-5] > '2' || s[n-5] == '2' && s[n-4] > '3' || s[n-2] > '5') {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, string(s))
	return err == nil
}

// isSchemaAddress knows the addresses that vehicles name.
func isSchemaAddress(s []byte) bool {
	name, ok := bytes.CutPrefix(s, []byte(event.SchemaBase))
	name, isJSON := bytes.CutSuffix(name, []byte(".json"))
	if !ok || !isJSON {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// skipString is where the string that begins at b[i] ends.
func skipString(b []byte, i int) int {
	i++
	if n := bytes.IndexByte(b[i:], '"'); bytes.IndexByte(b[i:i+n], '\\') < 0 {
		return i + n + 1
	}
	for ; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func skipNumber(b []byte, i int) int {
	for i < len(b) && (b[i] == '-' || b[i] == '+' || b[i] == '.' || b[i] == 'e' || b[i] == 'E' || b[i] >= '0' && b[i] <= '9') {
		i++
	}
	return i
}

// skipValue is where the value that begins at b[i] ends.
func skipValue(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = skipString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
			continue
		case 't', 'n':
			i += 4
		case 'f':
			i += 5
		default:
			i = skipNumber(b, i)
		}
		if depth == 0 {
			return i
		}
	}
}
