/* Pictures for gnuplot: a script with its data in it, one panel for each group. */
#include "fit_plot.h"
#include "text.h"

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

/* The group's key, or the law where no columns tell groups; how the fit ended unless well; what there is room for. What
   the columns are called stands above all panels, if there are several. */
static void write_title(FILE *file, const struct allometer_fits *fits,
                        const struct allometer_fit_group *group) {
    char title[1024] = "", more[512] = "";
    size_t length = 0, n = 0, room = fits->n_groups > 1 ? PANEL_TITLE : SINGLE_TITLE;
    if (fits->options.n_groups == 0)
        snprintf(title, sizeof title, "%s", fits->law->candidates ? "average" : group->law->name);
    for (size_t c = 0; c < fits->options.n_groups && length < sizeof title / 2; ++c) {
        length += (size_t)snprintf(title + length, sizeof title - length, "%s%.80s%s%.420s", c ? ", " : "",
                                   fits->n_groups > 1 ? "" : fits->options.groups[c],
                                   fits->n_groups > 1 ? "" : " ", *group->key[c] ? group->key[c] : "(empty)");
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

/* Where a panel has room for the key: points mostly rise, or fall. */
static const char *free_corner(const struct allometer_fits *fits, const struct allometer_fit_group *group) {
    const double *x = plot_x(fits), *y = fits->y;
    double n = 0, mean_x = 0, mean_y = 0, together = 0;
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        if (!isfinite(x[i]) || !isfinite(y[i])) continue;
        n += 1;
        together += (x[i] - mean_x) * (y[i] - mean_y) * (n - 1) / n;
        mean_x += (x[i] - mean_x) / n, mean_y += (y[i] - mean_y) / n;
    }
    return together > 0 ? "left" : "right";
}

static void write_law(FILE *file, const struct allometer_fits *fits, size_t g) {
    if (fits->law->n_columns == 1)
        fprintf(file, "$curve%zu using 1:2 with lines lw 2 lc rgb '#2171b5' title '%s'", g,
                fits->law->candidates ? "average" : "law");
    else
        fputs("x with lines lw 2 lc rgb '#2171b5' title 'law'", file);
}

/* The points of a group, as a mark in one of two colours: full for few points, pale for many. */
static void write_marks(FILE *file, const char *data, size_t g, int dense) {
    const int fitted = strcmp(data, "fitted") == 0;
    fprintf(file, "$%s%zu using 1:2 with points %s title '%s'", data, g,
            dense    ? fitted ? "pt 7 ps 0.3 lc rgb '#969696'" : "pt 7 ps 0.3 lc rgb '#fdae6b'"
            : fitted ? "pt 7 ps 0.6 lc rgb '#252525'"
                     : "pt 6 ps 0.7 lw 1.5 lc rgb '#d94801'",
            fitted ? "fitted" : "not fitted");
}

static void write_panel(FILE *file, const struct allometer_fits *fits, size_t g, struct plot_axes axes) {
    static const char *const next = ", \\\n     ";
    const struct allometer_fit_group *group = &fits->groups[g];
    const char *band = "with filledcurves closed fs solid noborder lc rgb '#c6dbef'";
    struct plot_place place = plot_place_of(fits, group);
    int dense = plot_is_dense(group), has_band = fits->law->n_columns == 1;
    write_title(file, fits, group);
    plot_write_axis(file, 'x', place.x, axes.log_x, 0.08);
    plot_write_axis(file, 'y', place.y, axes.log_y, 0.12);
    if (!(place.x.low <= place.x.high && place.y.low <= place.y.high)) {
        fputs("plot [1:2] [1:2] 0 notitle\n", file);
        return;
    }
    fputs("plot ", file);
    if (has_band) fprintf(file, "$band%zu using 1:2 %s notitle%s", g, band, next);
    if (!dense) write_law(file, fits, g), fputs(next, file);
    write_marks(file, "fitted", g, dense);
    if (group->n_test) fputs(next, file), write_marks(file, "other", g, dense);
    if (dense) fputs(next, file), write_law(file, fits, g); /* which so many points would hide */
    if (has_band) { /* told last: a band that is drawn after its title hides it */
        fprintf(file, "%sNaN %s title 'where a new point would lie, %g %%'", next, band,
                100 * fits->options.confidence);
    }
    putc('\n', file);
}

/* The columns whose values the panels' titles are, and whether groups are missing, above all panels. */
static void write_layout(FILE *file, const struct allometer_fits *fits, size_t rows, size_t columns,
                         size_t n_panels) {
    char title[1024];
    size_t length = (size_t)snprintf(title, sizeof title, "Panels: ");
    if (n_panels < fits->n_groups)
        length =
            (size_t)snprintf(title, sizeof title, "The first %zu of %zu groups: ", n_panels, fits->n_groups);
    for (size_t c = 0; c < fits->options.n_groups && length < sizeof title / 2; ++c)
        length += (size_t)snprintf(title + length, sizeof title - length, "%s%.420s", c ? ", " : "",
                                   fits->options.groups[c]);
    shorten(title, SINGLE_TITLE);
    fprintf(file, "set multiplot layout %zu,%zu title ", rows, columns);
    write_string(file, title);
    fputs(" noenhanced\n", file);
}

void fit_plot_script(FILE *file, const struct allometer_fits *fits, const char *path, enum picture picture) {
    size_t n = fits->n_groups < MOST_PANELS ? fits->n_groups : MOST_PANELS,
           columns = (size_t)ceil(sqrt((double)n));
    size_t rows = (n + columns - 1) / columns, several = n > 1;
    struct plot_axes axes = plot_axes_of(fits, n);
    for (size_t g = 0; g < n; ++g) plot_write_data(file, fits, g, axes);
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
    if (several) write_layout(file, fits, rows, columns, n);
    for (size_t g = 0; g < n; ++g) {
        write_panel(file, fits, g, axes);
        if (g == 0 && several) fputs("unset key\n", file);
    }
    if (several) fputs("unset multiplot\n", file);
}
