/* The rows that models learn from, read from a file: CSV (table.h), .npy or IDX (array.h), each plain or gzipped. */
#ifndef ALLOMETER_DATA_H
#define ALLOMETER_DATA_H

#include "backend.h"

/* Which columns of which file; columns of CSV by name, of the others by number from 0. */
struct data_source {
    const char *file; /* path; "none": functions, no file */
    const char
        *target_file;   /* of as many rows, in which the target is a column; "none": a column of the file */
    const char *target; /* column; "last" */
    const char *subtask_column; /* whose values tell the subtasks; "none": all rows are one */
    const char *inputs;         /* columns, parted by commas; "others": all but the two above */
    int32_t n_classes;          /* the target is a class, 0 to n_classes - 1; 0: a number */
    int32_t is_standardized; /* 1: each input is shifted and scaled to mean 0 and deviation 1 over all rows */
};

struct data {
    struct allometer_data rows;
    int32_t n_subtasks; /* distinct values of the column, in ascending order: numbers first, then words */
    uint64_t checksum;  /* of all numbers and names above */
};

/* folder: what a relative path starts from. BAD_INPUT names file, row or line, and column. */
enum allometer_code data_read(const struct data_source *source, const char *folder, struct data **data,
                              struct allometer_error *error);
/* NULL is fine. */
void data_free(struct data *data);

#endif
