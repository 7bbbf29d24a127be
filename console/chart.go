package console

import (
	"math"
	"strconv"
	"strings"
)

// chart is figures over time, drawn by the server as SVG and said in a table. All texts are in the operator's language.
type chart struct {
	ID       string // of its elements, unique on the page
	Title    string
	Across   string   // what goes from left to right, such as days
	Up       string   // what the figures count
	Columns  []string // what each of a series' figures is of, from the earliest
	Ticks    []string // Columns, as short as the axis wants them
	Series   []series
	Bars     bool // stacked, in the order of Series; else lines
	Fraction bool // figures have one digit behind the point
}

// series are figures of one kind, one for each column. NaN is not known.
type series struct {
	Name    string
	Class   string // of the style sheet: s1 to s4
	Figures []float64
}

// The drawing, in units of its view box, and where in it the figures are.
const (
	drawingWidth, drawingHeight      = 400, 220
	plotLeft, plotRight              = 68, 382
	plotTop, plotBottom              = 24, 178
	plotWidth, plotHeight            = plotRight - plotLeft, plotBottom - plotTop
	acrossLabels, upLabels           = 5, 4 // at most
	belowPlot, besidePlot, ofTheText = 14, 5, 4
)

// label is a text of an axis, and where along it.
type label struct {
	At   string
	Text string
}

// line is a series as it is drawn.
type line struct {
	Class string
	Path  string // as of the attribute d
}

// drawing is a chart laid out.
type drawing struct {
	Across []label
	Up     []label
	Lines  []line
}

// draw lays the chart out.
func (c *chart) draw(w words) drawing {
	step, top := scale(c.highest(), c.Fraction)
	y := func(v float64) float64 { return plotBottom - v/top*plotHeight }
	var d drawing
	for v := 0.0; v <= top+step/2; v += step {
		d.Up = append(d.Up, label{At: coordinate(y(v)), Text: c.figure(w, v)})
	}
	n := len(c.Columns)
	every := max((n+acrossLabels-1)/acrossLabels, 1)
	for i := (n - 1) % every; i < n; i += every { // the last one always
		d.Across = append(d.Across, label{At: coordinate(c.middle(i)), Text: c.Ticks[i]})
	}
	below := make([]float64, n)
	for _, s := range c.Series {
		if c.Bars {
			d.Lines = append(d.Lines, line{s.Class, c.bars(s.Figures, below, y)})
		} else {
			d.Lines = append(d.Lines, line{s.Class, c.line(s.Figures, y)})
		}
	}
	return d
}

// highest is the largest figure, of bars that stand on each other their sum.
func (c *chart) highest() float64 {
	most := 0.0
	for i := range c.Columns {
		sum := 0.0
		for _, s := range c.Series {
			v := s.Figures[i]
			switch {
			case math.IsNaN(v):
			case c.Bars:
				sum += v
			default:
				sum = max(sum, v)
			}
		}
		most = max(most, sum)
	}
	return most
}

// scale gives the distance of an axis' labels, 1, 2 or 5 times a power of ten, and its end, a multiple of that.
func scale(highest float64, fraction bool) (step, top float64) {
	least := 1.0
	if fraction {
		least = 0.1
	}
	for step = least; ; step *= 10 {
		for _, f := range [...]float64{1, 2, 5} {
			if steps := math.Ceil(highest / (step * f)); steps <= upLabels {
				return step * f, step * f * max(steps, 1)
			}
		}
	}
}

func (c *chart) width() float64 { return plotWidth / float64(max(len(c.Columns), 1)) }

func (c *chart) middle(i int) float64 { return plotLeft + (float64(i)+0.5)*c.width() }

// line is a line through the figures, with gaps where none is known. One alone is a dot.
func (c *chart) line(figures []float64, y func(float64) float64) string {
	var b strings.Builder
	for i, v := range figures {
		known := func(k int) bool { return k >= 0 && k < len(figures) && !math.IsNaN(figures[k]) }
		if !known(i) {
			continue
		}
		to := "L"
		if !known(i - 1) {
			to = "M"
		}
		b.WriteString(to + coordinate(c.middle(i)) + " " + coordinate(y(v)))
		if !known(i-1) && !known(i+1) {
			b.WriteString("h0")
		}
	}
	return b.String()
}

// bars is a bar for each figure, on what is below, to which it is added.
func (c *chart) bars(figures, below []float64, y func(float64) float64) string {
	gap := min(c.width()/5, 2)
	var b strings.Builder
	for i, v := range figures {
		if math.IsNaN(v) || v <= 0 {
			continue
		}
		left, from := c.middle(i)-c.width()/2+gap/2, y(below[i])
		below[i] += v
		b.WriteString("M" + coordinate(left) + " " + coordinate(from) + "V" + coordinate(y(below[i])) +
			"h" + coordinate(c.width()-gap) + "V" + coordinate(from) + "z")
	}
	return b.String()
}

// coordinate is a length in the drawing, to a tenth of a unit.
func coordinate(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// figure is one as people read it; "" is not known.
func (c *chart) figure(w words, v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case c.Fraction:
		whole := math.Round(v * 10)
		return w.number(int64(whole)/10) + "." + strconv.Itoa(int(whole)%10)
	default:
		return w.number(int64(math.Round(v)))
	}
}

// known reports whether there is any figure.
func (c *chart) known() bool {
	for _, s := range c.Series {
		for _, v := range s.Figures {
			if !math.IsNaN(v) {
				return true
			}
		}
	}
	return false
}

// described says what the drawing shows: of each series the first and the last figure, and the largest.
func (c *chart) described(w words) string {
	if len(c.Columns) == 0 {
		return ""
	}
	parts := []string{w.T("%s, from %s to %s.", c.Across, c.Columns[0], c.Columns[len(c.Columns)-1])}
	for _, s := range c.Series {
		first, last, most := math.NaN(), math.NaN(), math.NaN()
		for _, v := range s.Figures {
			if math.IsNaN(v) {
				continue
			}
			if math.IsNaN(first) {
				first, most = v, v
			}
			last, most = v, max(most, v)
		}
		if !math.IsNaN(first) {
			parts = append(parts, w.T("%s: at first %s, at last %s, at most %s.", s.Name, c.figure(w, first), c.figure(w, last), c.figure(w, most)))
		}
	}
	return strings.Join(parts, " ")
}

// newestFirst are the indices of the columns, the last one first, of which a figure is known.
func (c *chart) newestFirst() []int {
	var all []int
	for i := len(c.Columns) - 1; i >= 0; i-- {
		for _, s := range c.Series {
			if !math.IsNaN(s.Figures[i]) {
				all = append(all, i)
				break
			}
		}
	}
	return all
}
