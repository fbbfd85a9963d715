/* Classify a spectrum with the C code of `edgespec export --target c_x86`: no runtime, no memory allocation.

   ./classify spectrum.csv      two columns, Raman shift in cm-1 and intensity, rising

   The spectrum is interpolated to the model's axis. A spectrum that does not cover the axis is refused. */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

#define MOST 100000

static double shift[MOST], intensity[MOST];
static float spectrum[MODEL_POINTS];
static _Alignas(MODEL_ALIGNMENT) unsigned char workspace[MODEL_WORKSPACE];

static int read_columns(const char *path)
{
    char line[256];
    int n = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    while (n < MOST && fgets(line, sizeof line, file))
        if (sscanf(line, "%lf%*[,; \t]%lf", &shift[n], &intensity[n]) == 2)
            n++;
    fclose(file);
    return n;
}

int main(int argc, char **argv)
{
    struct model_answer answer;
    int n = argc == 2 ? read_columns(argv[1]) : -1;
    if (n < 2) {
        fprintf(stderr, "usage: classify spectrum.csv (two columns: cm-1, intensity)\n");
        return 2;
    }
    for (int i = 0, at = 0; i < MODEL_POINTS; i++) {
        double place = model_axis[i];
        if (place < shift[0] - 1e-3 || place > shift[n - 1] + 1e-3) {
            fprintf(stderr, "%s does not cover %g cm-1, which the model needs\n", argv[1], place);
            return 2;
        }
        while (at < n - 2 && shift[at + 1] < place)
            at++;
        double share = (place - shift[at]) / (shift[at + 1] - shift[at]);
        spectrum[i] = (float)(intensity[at] + share * (intensity[at + 1] - intensity[at]));
    }
    if (model_run(spectrum, workspace, MODEL_WORKSPACE, &answer) != MODEL_OK) {
        fprintf(stderr, "%s: no answer (NaN or infinity?)\n", argv[1]);
        return 2;
    }
    printf("%s %.3f %s\n", model_labels[answer.label], (double)answer.probabilities[answer.label], answer.known ? "known" : "unknown");
    return 0;
}
