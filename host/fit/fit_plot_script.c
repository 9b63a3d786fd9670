/* Pictures for gnuplot: a script with its data in it, one panel for each group. */
#include "fit_internal.h"
#include "text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PANELS = 100, PANEL_WIDTH = 420, PANEL_HEIGHT = 320, PANEL_TITLE = 52, SINGLE_TITLE = 105 };

/* A gnuplot string in single quotes, where nothing means something but the quote, which comes in between: in double quotes
   gnuplot would run what stands in backquotes as a command of the shell. */
static void write_string(FILE *file, const char *text) {
    putc('\'', file);
    while (*text) {
        const int length = text_character_length(text);
        const int no_character = length == 3 && memcmp(text, "\xef\xbf", 2) == 0 && (text[2] & 0xfe) == 0xbe;
        if (*text == '\'')
            fputs("'.\"'\".'", file);
        else if (length == 0 || no_character) /* SVG is UTF-8 that XML allows, whatever a table is */
            fputs("\xef\xbf\xbd", file);
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            putc(' ', file);
        else
            fwrite(text, 1, (size_t)length, file);
        text += length ? length : 1;
    }
    putc('\'', file);
}

static void write_row(FILE *file, const double *values, size_t n) {
    char text[TEXT_NUMBER_SIZE];
    for (size_t i = 0; i < n; ++i) {
        text_from_double(text, values[i]);
        fprintf(file, "%s%s", i ? " " : "", isfinite(values[i]) ? text : "NaN");
    }
    putc('\n', file);
}

/* The edge of the interval at point i of the curves: near 0, not below it, where all y are above, since an axis may be
   logarithmic. */
static void write_edge(FILE *file, const struct allometer_fits *fits, size_t i, const double *edge,
                       double least) {
    const double row[] = {fits->curve_x[i], least > 0 ? fmax(edge[i], 1e-3 * least) : edge[i]};
    if (isfinite(fits->curve_lower[i]) && isfinite(fits->curve_upper[i])) write_row(file, row, 2);
}

/* Of one group: $curveG (x, law), $bandG (the outline of its interval), $fittedG and $otherG (x, y); for laws of several
   variables the law takes the place of x. A block without a row would be an error. Of several panels, each is small, and
   every fourth point enough. */
static void write_data(FILE *file, const struct allometer_fits *fits, size_t g) {
    const struct allometer_fit_group *group = &fits->groups[g];
    size_t n = fits->law->n_columns == 1 ? (size_t)fits->options.n_curve : 0,
           step = fits->n_groups > 1 ? 4 : 1;
    const double nothing[] = {NAN, NAN};
    double least = INFINITY;
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i)
        least = fmin(least, fits->y[i]);
    fprintf(file, "$curve%zu << END\n", g);
    write_row(file, nothing, 2);
    for (size_t i = g * n; i < (g + 1) * n; i += step) {
        const double row[] = {fits->curve_x[i], fits->curve_y[i]};
        write_row(file, row, 2);
    }
    fprintf(file, "END\n$band%zu << END\n", g);
    write_row(file, nothing, 2);
    for (size_t i = g * n; i < (g + 1) * n; i += step) write_edge(file, fits, i, fits->curve_lower, least);
    for (size_t i = 0; i < n; i += step)
        write_edge(file, fits, (g + 1) * n - 1 - i, fits->curve_upper, least);
    fputs("END\n", file);
    for (int train = 1; train >= 0; --train) {
        fprintf(file, "$%s%zu << END\n", train ? "fitted" : "other", g);
        write_row(file, nothing, 2);
        for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
            const double row[] = {fits->law->n_columns == 1 ? fits->x[0][i] : fits->yhat[i], fits->y[i]};
            if (fits->train[i] == train) write_row(file, row, 2);
        }
        fputs("END\n", file);
    }
}

/* Cuts a text to that many characters (of UTF-8), dots among them. */
static void shorten(char *text, size_t most) {
    size_t at = 0, n = 0, cut = 0;
    for (; text[at]; ++at) {
        if ((text[at] & 0xc0) == 0x80) continue; /* goes on with a character */
        if (++n == most - 2) cut = at;
    }
    if (n > most) strcpy(text + cut, "...");
}

/* The name of an axis, in at most so many characters. */
static void write_label(FILE *file, char axis, const char *name, size_t most) {
    char text[4 * SINGLE_TITLE + 4];
    snprintf(text, sizeof text, "%s", name);
    shorten(text, most);
    fprintf(file, "set %clabel ", axis);
    write_string(file, text);
    fputs(" noenhanced\n", file);
}

/* The group's key, or the law where there is one group only; how the fit ended unless well; what there is room for. */
static void write_title(FILE *file, const struct allometer_fits *fits,
                        const struct allometer_fit_group *group) {
    char title[1024] = "", more[512] = "";
    size_t length = 0, n = 0, room = fits->n_groups > 1 ? PANEL_TITLE : SINGLE_TITLE;
    if (fits->options.n_groups == 0)
        snprintf(title, sizeof title, "%s", fits->law->candidates ? "average" : group->law->name);
    for (size_t c = 0; c < fits->options.n_groups && length < sizeof title / 2; ++c) {
        length += (size_t)snprintf(title + length, sizeof title - length, "%s%.420s", c ? ", " : "",
                                   *group->key[c] ? group->key[c] : "(empty)");
    }
    if (group->law != fits->law)
        n = (size_t)snprintf(more, sizeof more, "%s most weight: %s", fits->options.n_groups ? ";" : ",",
                             group->law->name);
    if (group->status > ALLOMETER_FIT_COST)
        n +=
            (size_t)snprintf(more + n, sizeof more - n, " (%s)", allometer_group_status_names[group->status]);
    shorten(title, n + 20 < room ? room - n : 20);
    length = strlen(title);
    length += (size_t)snprintf(title + length, sizeof title - length, "%s", more);
    n = 0,
    more[0] = 0; /* the parameters: all or none; of an average, the law that weighs most is not the curve */
    for (int p = 0; group->law == fits->law && p < group->law->n_parameters && n < sizeof more
                    && !isnan(group->values[p]);
         ++p) {
        n += (size_t)snprintf(more + n, sizeof more - n, "%s%s %.3g", p ? ", " : "; ",
                              group->law->parameters[p].name, group->values[p]);
    }
    if (length + n <= room) strcpy(title + length, more);
    fputs("set title ", file);
    write_string(file, title);
    fputs(" noenhanced\n", file);
}

struct range {
    double low, high;
};

static void widen(struct range *range, double value) {
    if (!isfinite(value)) return;
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

/* Where a group lies in the picture: all points, and the law where there are points, but not wherever its interval may
   go. */
struct place {
    struct range x, y;
};

static struct place place_of(const struct allometer_fits *fits, const struct allometer_fit_group *group) {
    struct place place = {{INFINITY, -INFINITY}, {INFINITY, -INFINITY}};
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        widen(&place.x, fits->law->n_columns == 1 ? fits->x[0][i] : fits->yhat[i]);
        widen(&place.y, fits->y[i]);
        widen(&place.y, fits->yhat[i]);
    }
    return place;
}

/* Axes of all panels. Logarithmic where that shows more, and all values can be shown: where one panel spans a factor of
   4, and no panel has a value that is not above 0. */
struct axes {
    int log_x, log_y;
};

static struct axes choose_axes(const struct allometer_fits *fits, size_t n_panels) {
    struct axes axes = {0};
    struct range x = {INFINITY, -INFINITY}, y = x;
    for (size_t g = 0; g < n_panels; ++g) {
        struct place place = place_of(fits, &fits->groups[g]);
        axes.log_x |= place.x.high > 4 * place.x.low;
        axes.log_y |= place.y.high > 4 * place.y.low;
        x.low = fmin(x.low, place.x.low), y.low = fmin(y.low, place.y.low);
    }
    axes.log_x &= x.low > 0, axes.log_y &= y.low > 0;
    return axes;
}

static void write_tic(FILE *file, double at, int *n) {
    fprintf(file, "%s%.4g", (*n)++ ? ", " : "", at);
}

/* Labels for logarithmic axes that hold few powers of ten: at 1, 2 and 5 times these, or, where those are few too, at
   even steps. */
static void write_tics(FILE *file, char axis, double low, double high) {
    static const double steps[] = {1, 2, 5};
    int n = 0;
    double size = pow(10, floor(log10((high - low) / 4)));
    double ratio = (high - low) / 4 / size, step = size * (ratio < 2 ? 1 : ratio < 5 ? 2 : 5);
    fprintf(file, "set %ctics (", axis);
    for (double at = ceil(low / step); high < 5 * low && at * step <= high; ++at)
        write_tic(file, at * step, &n);
    for (double power = pow(10, floor(log10(low))); high >= 5 * low && power <= high; power *= 10) {
        for (int i = 0; i < 3; ++i) {
            double at = steps[i] * power;
            if (at >= low && at <= high) write_tic(file, at, &n);
        }
    }
    fputs(")\n", file);
}

static void write_axis(FILE *file, char axis, struct range range, int logs, double margin) {
    double width = logs ? log(range.high / range.low) : range.high - range.low;
    double low = logs ? range.low * exp(-margin * width) : range.low - margin * width;
    double high = logs ? range.high * exp(margin * width) : range.high + margin * width;
    fprintf(file, "unset logscale %c\nset %ctics autofreq\n", axis, axis);
    /* k, M, G and T are read at sight; P, E, ... are not */
    int prefixes = range.low >= 1 && range.high >= 1e4 && range.high < 1e16;
    fprintf(file, "set format %c '%s'\n", axis, prefixes ? "%.0s%c" : "%.4g");
    if (!(range.low < range.high)) { /* one value, or none */
        double room = isfinite(range.low) && range.low != 0 ? fabs(range.low) / 2 : 1;
        low = isfinite(range.low) ? range.low - room : 1, high = low + 2 * room;
    }
    low = fmin(fmax(low, logs ? DBL_MIN : -DBL_MAX), DBL_MAX), high = fmin(high, DBL_MAX);
    if (logs) fprintf(file, "set logscale %c\n", axis);
    if (logs && width < log(150)) write_tics(file, axis, low, high);
    fprintf(file, "set %crange [%.17g:%.17g]\n", axis, low, high);
}

/* Where a panel has room for the key: points mostly rise, or fall. */
static const char *free_corner(const struct allometer_fits *fits, const struct allometer_fit_group *group) {
    const double *x = fits->law->n_columns == 1 ? fits->x[0] : fits->yhat, *y = fits->y;
    double n = 0, mean_x = 0, mean_y = 0, together = 0;
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        if (!isfinite(x[i]) || !isfinite(y[i])) continue;
        n += 1;
        together += (x[i] - mean_x) * (y[i] - mean_y) * (n - 1) / n;
        mean_x += (x[i] - mean_x) / n, mean_y += (y[i] - mean_y) / n;
    }
    return together > 0 ? "left" : "right";
}

static void write_panel(FILE *file, const struct allometer_fits *fits, size_t g, struct axes axes) {
    const struct allometer_fit_group *group = &fits->groups[g];
    struct place place = place_of(fits, group);
    const char *law = fits->law->candidates ? "average" : "law";
    write_title(file, fits, group);
    write_axis(file, 'x', place.x, axes.log_x, 0.08);
    write_axis(file, 'y', place.y, axes.log_y, 0.12);
    if (!(place.x.low <= place.x.high && place.y.low <= place.y.high)) {
        fputs("plot [1:2] [1:2] 0 notitle\n", file);
        return;
    }
    if (fits->law->n_columns == 1) {
        fprintf(file,
                "plot $band%zu using 1:2 with filledcurves closed fs solid noborder lc rgb '#c6dbef' "
                "notitle, \\\n"
                "     $curve%zu using 1:2 with lines lw 2 lc rgb '#2171b5' title '%s', \\\n",
                g, g, law);
    } else {
        fputs("plot x with lines lw 2 lc rgb '#2171b5' title 'law', \\\n", file);
    }
    fprintf(file, "     $fitted%zu using 1:2 with points pt 7 ps 0.6 lc rgb '#252525' title 'fitted'", g);
    if (group->n_test) {
        fprintf(file,
                ", \\\n     $other%zu using 1:2 with points pt 6 ps 0.7 lw 1.5 lc rgb '#d94801' title 'not "
                "fitted'",
                g);
    }
    if (fits->law->n_columns == 1) { /* told last: a band that is drawn after its title hides it */
        fprintf(file,
                ", \\\n     NaN with filledcurves closed fs solid noborder lc rgb '#c6dbef' title 'where a "
                "new point "
                "would lie, %g %%'",
                100 * fits->options.confidence);
    }
    putc('\n', file);
}

void fit_plot_script(FILE *file, const struct allometer_fits *fits, const char *path, enum picture picture) {
    size_t n = fits->n_groups < MOST_PANELS ? fits->n_groups : MOST_PANELS,
           columns = (size_t)ceil(sqrt((double)n));
    size_t rows = (n + columns - 1) / columns, several = n > 1;
    struct axes axes = choose_axes(fits, n);
    for (size_t g = 0; g < n; ++g) write_data(file, fits, g);
    static const struct {
        const char *name, *options;
        double unit; /* of the size, in pixels */
    } terminals[] = {[PICTURE_SVG] = {"svg", "dynamic font 'sans,12' background 'white'", 1},
                     [PICTURE_PNG] = {"pngcairo", "font 'sans,11'", 1},
                     [PICTURE_PDF] = {"pdfcairo", "font 'sans,9'", 96}};
    fprintf(file, "set terminal %s size %g,%g %s\nif (!exists('piped')) set output ", terminals[picture].name,
            (double)((several ? columns : 2) * PANEL_WIDTH) / terminals[picture].unit,
            (double)((several ? rows : 2) * PANEL_HEIGHT) / terminals[picture].unit,
            terminals[picture].options);
    write_string(file, path);
    putc('\n', file);
    write_label(file, 'x', fits->law->n_columns == 1 ? fits->options.x[0] : fits->law->formula,
                several ? PANEL_TITLE - 8 : SINGLE_TITLE - 8);
    write_label(file, 'y', fits->options.y, several ? PANEL_TITLE - 16 : SINGLE_TITLE - 32);
    fprintf(file, "set key top %s samplen 2 font ',9' spacing 0.9\n", free_corner(fits, fits->groups));
    fputs("set border 3\nset tics nomirror\nset grid lt 1 lw 0.5 lc rgb '#e0e0e0'\n", file);
    if (several) fprintf(file, "set multiplot layout %zu,%zu", rows, columns);
    if (fits->n_groups > n) fprintf(file, " title 'The first %zu of %zu groups'", n, fits->n_groups);
    if (several) putc('\n', file);
    for (size_t g = 0; g < n; ++g) {
        write_panel(file, fits, g, axes);
        if (g == 0 && several) fputs("unset key\n", file);
    }
    if (several) fputs("unset multiplot\n", file);
}
