package bench

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// WriteSVG draws a chart of the ratios: a bar for each row, with the other way at 1 and a mark at the goal.
func WriteSVG(out io.Writer, results []Result) error {
	const (
		line, top, left, scale, right = 22, 46, 330, 300, 70
		most                          = 1.4 // the longest bar
	)
	width, height := left+int(most*scale)+right, top+line*len(results)+10
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13" role="img">`, width, height)
	b.WriteString(`<title>The time that gomotor takes, as a share of the other way</title>` +
		`<style>text{fill:#24292f}.bar{fill:#2da44e}.over{fill:#cf8a1b}.grid{stroke:#8c959f}.goal{stroke:#24292f;stroke-width:2}` +
		`@media(prefers-color-scheme:dark){text{fill:#e6edf3}.goal{stroke:#e6edf3}}</style>`)
	fmt.Fprintf(&b, `<text x="10" y="18">time of gomotor, as a share of the other way (shorter is faster; the mark is the goal)</text>`)
	fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%d" y2="%d"/><text x="%d" y="%d">1</text>`, left+scale, left+scale, top-6, height-8, left+scale-3, top-10)
	for i, r := range results {
		y, class := top+i*line, "bar"
		if r.Ratio > 1 {
			class = "over"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-8, y+14, html.EscapeString(r.Name))
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.0f" height="%d"/>`, class, left, y+2, min(r.Ratio, most)*scale, line-6)
		goal := left + int(min(r.Goal, most)*scale)
		fmt.Fprintf(&b, `<line class="goal" x1="%d" x2="%d" y1="%d" y2="%d"/>`, goal, goal, y, y+line-2)
		fmt.Fprintf(&b, `<text x="%.0f" y="%d">%.2f</text>`, float64(left)+min(r.Ratio, most)*scale+6, y+14, r.Ratio)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}
