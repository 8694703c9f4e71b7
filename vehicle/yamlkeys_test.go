package vehicle

import (
	"reflect"
	"strings"
	"testing"

	"alpr/retention"
)

// yamlKeys lists the keys of a struct and of those in it, without the path.
func yamlKeys(t *testing.T, v any) []string {
	t.Helper()
	var keys []string
	var walk func(reflect.Type)
	walk = func(ty reflect.Type) {
		for ty.Kind() == reflect.Pointer || ty.Kind() == reflect.Slice {
			ty = ty.Elem()
		}
		if ty.Kind() != reflect.Struct || ty == reflect.TypeFor[retention.Policy]() {
			return
		}
		for i := range ty.NumField() {
			f := ty.Field(i)
			if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
				keys = append(keys, key)
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeOf(v))
	return keys
}
