// The normal distribution in one and two dimensions. Pure mathematics: nothing here knows of Arrow or Polars.
#pragma once

namespace simframe {

double normal_cdf(double x);
// Inverse of normal_cdf, 0 < p < 1.
double normal_quantile(double p);

// P(X <= x, Y <= y) and its density for standard normals with correlation -1 < rho < 1; x and y finite.
// The density is also the derivative of the probability by rho.
double bivariate_normal_cdf(double x, double y, double rho);
double bivariate_normal_density(double x, double y, double rho);

}  // namespace simframe
