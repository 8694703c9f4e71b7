package backend

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"alpr/docs/schema"
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
