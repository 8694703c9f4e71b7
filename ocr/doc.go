// Package ocr reads plates: it rectifies each plate of a frame by its corners,
// evens out its contrast, lets the model say for every character slot how
// probable each character is, and turns that into a text with an honest
// confidence, the other texts it may be, and the state or country that issued it.
//
// Where the model is unsure, a second one that learned apart from it is asked:
// two models err apart, and what only one of them sees does not stand.
package ocr
