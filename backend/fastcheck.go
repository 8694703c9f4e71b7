package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"alpr/docs/schema"
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

// compiler reads the published schemas. The same schema is compiled once.
type compiler struct {
	done map[string]*check // by file, or file and place of a definition in it
	name string            // of the file that is being read
	defs map[string]any    // its definitions
}

func (c *compiler) file(name string) (*check, error) {
	if k, ok := c.done[name]; ok {
		return k, nil
	}
	raw, err := schema.Files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("read schema %s: %w", name, err)
	}
	k := &check{maxItems: -1}
	c.done[name] = k
	outerName, outerDefs := c.name, c.defs
	c.name = name
	c.defs, _ = doc["$defs"].(map[string]any)
	err = c.fill(k, doc)
	c.name, c.defs = outerName, outerDefs
	return k, err
}

// reference is the schema that a "$ref" names: a file, or a definition of this one.
func (c *compiler) reference(ref string) (*check, error) {
	local, isLocal := strings.CutPrefix(ref, "#/$defs/")
	if !isLocal {
		return c.file(ref)
	}
	if k, ok := c.done[c.name+ref]; ok {
		return k, nil
	}
	doc, ok := c.defs[local].(map[string]any)
	if !ok {
		return &check{isUnknown: true}, nil
	}
	k := &check{maxItems: -1}
	c.done[c.name+ref] = k
	return k, c.fill(k, doc)
}

func (c *compiler) compile(doc any) (*check, error) {
	m, ok := doc.(map[string]any)
	if !ok {
		return &check{isUnknown: true}, nil
	}
	if ref, ok := m["$ref"].(string); ok && isOnlyReference(m) {
		return c.reference(ref)
	}
	k := &check{maxItems: -1}
	return k, c.fill(k, m)
}

// isOnlyReference says that nothing but words for people stands beside the "$ref".
func isOnlyReference(doc map[string]any) bool {
	for word := range doc {
		if word != "$ref" && word != "description" && word != "title" && word != "examples" {
			return false
		}
	}
	return true
}

// fill enters one schema's keywords.
func (c *compiler) fill(k *check, doc map[string]any) error {
	if props, ok := doc["properties"].(map[string]any); ok {
		k.props = map[string]property{}
		for name, sub := range props {
			sub, err := c.compile(sub)
			if err != nil {
				return err
			}
			k.props[name] = property{len(k.props), sub}
		}
		k.isUnknown = k.isUnknown || len(k.props) > 64
	}
	for word, value := range doc {
		if err := c.keyword(k, word, value); err != nil {
			return fmt.Errorf("schema keyword %s: %w", word, err)
		}
	}
	return nil
}

func (c *compiler) keyword(k *check, word string, value any) (err error) {
	number, isNumber := value.(float64)
	list, _ := value.([]any)
	switch word {
	case "$schema", "$id", "title", "description", "examples", "contentEncoding", "properties", "default", "$defs":
	case "type":
		k.setTypes(value)
	case "required":
		k.setRequired(list)
	case "items":
		k.items, err = c.compile(value)
	case "additionalProperties":
		k.additional, err = c.compile(value)
	case "minItems", "maxItems", "minLength":
		k.isUnknown = k.isUnknown || !isNumber
		*map[string]*int{"minItems": &k.minItems, "maxItems": &k.maxItems, "minLength": &k.minLength}[word] = int(number)
	case "minimum", "maximum":
		k.isUnknown = k.isUnknown || !isNumber
		*map[string]**float64{"minimum": &k.min, "maximum": &k.max}[word] = &number
	case "const":
		k.setValues([]any{value})
	case "enum":
		k.setValues(list)
	case "pattern":
		text, _ := value.(string)
		k.pattern, err = regexp.Compile(text)
	case "format":
		k.format, _ = value.(string)
	case "if": // see envelope
	case "then":
		k.then, err = c.compile(value)
	case "anyOf", "allOf":
		for _, sub := range list {
			one, err := c.compile(sub)
			if err != nil {
				return err
			}
			if word == "anyOf" {
				k.anyOf = append(k.anyOf, one)
			} else {
				k.allOf = append(k.allOf, one)
			}
		}
	default:
		k.isUnknown = true
	}
	return err
}

func (k *check) setTypes(value any) {
	names, ok := value.([]any)
	if !ok {
		names = []any{value}
	}
	known := map[any]jsonType{"null": typeNull, "boolean": typeBoolean, "integer": typeInteger, "number": typeInteger | typeNumber,
		"string": typeString, "array": typeArray, "object": typeObject}
	for _, n := range names {
		t, ok := known[n]
		k.isUnknown = k.isUnknown || !ok
		k.types |= t
	}
}

func (k *check) setRequired(names []any) {
	for _, n := range names {
		name, _ := n.(string)
		p, ok := k.props[name]
		if !ok { // it may be anything, but must be there
			if k.props == nil {
				k.props = map[string]property{}
			}
			p = property{len(k.props), &check{maxItems: -1}}
			k.props[name] = p
		}
		k.isUnknown = k.isUnknown || p.index > 63
		k.required |= 1 << p.index
	}
}

func (k *check) setValues(values []any) {
	for _, v := range values {
		text, ok := v.(string)
		k.isUnknown = k.isUnknown || !ok
		k.values = append(k.values, text)
	}
}

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
